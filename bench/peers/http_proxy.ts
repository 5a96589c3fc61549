/** http-proxy, the best known one on npm, on Node and on Deno. */
import { nodeLabel, npmLabel, startScript } from "./npm.ts";
import type { Peer } from "./peer.ts";

/** http-proxy on Node. */
export const httpProxy: Peer = {
  name: "http-proxy",
  about: async () => `${npmLabel("http-proxy")}, ${await nodeLabel()}`,
  start: (_dir, origin) => startScript(["node"], "http_proxy.mjs", origin),
};

/** http-proxy on Deno. */
export const httpProxyOnDeno: Peer = {
  name: "http-proxy-deno",
  about: () => Promise.resolve(`${npmLabel("http-proxy")}, Deno ${Deno.version.deno}`),
  start: (_dir, origin) =>
    startScript([Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all"], "http_proxy.mjs", origin),
};
