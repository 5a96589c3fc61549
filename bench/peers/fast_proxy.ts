/** fast-proxy, the quickest one on npm by its own measure, with both of its clients. */
import { nodeLabel, npmLabel, startScript } from "./npm.ts";
import type { Peer } from "./peer.ts";

/** fast-proxy as it is. */
export const fastProxy: Peer = {
  name: "fast-proxy",
  about: async () => `${npmLabel("fast-proxy")}, ${await nodeLabel()}`,
  start: (_dir, origin) => startScript(["node"], "fast_proxy.mjs", origin),
};

/** fast-proxy told to use undici. */
export const fastProxyUndici: Peer = {
  name: "fast-proxy-undici",
  about: async () => `${npmLabel("fast-proxy")} on undici, ${await nodeLabel()}`,
  start: (_dir, origin) => startScript(["node"], "fast_proxy.mjs", origin, { UNDICI: "1" }),
};
