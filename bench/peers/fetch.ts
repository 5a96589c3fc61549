/** The plain `Deno.serve` and `fetch` proxy of fetch_proxy.ts. */
import { PROXY_CORE } from "../process.ts";
import { freePort, startServer } from "../server.ts";
import type { Peer } from "./peer.ts";

const SCRIPT = new URL("fetch_proxy.ts", import.meta.url).pathname;

/** `Deno.serve` and `fetch`. */
export const fetchProxy: Peer = {
  name: "fetch",
  about: () => Promise.resolve(`Deno.serve and fetch, Deno ${Deno.version.deno}`),
  async start(_dir, origin) {
    const port = freePort();
    const permission = `--allow-net=127.0.0.1:${port},${origin}`;
    return await startServer(
      [Deno.execPath(), "run", "--no-prompt", permission, SCRIPT, `${port}`, origin],
      port,
      { core: PROXY_CORE },
    );
  },
};
