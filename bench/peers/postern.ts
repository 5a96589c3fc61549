/** Postern: the header_filter sample with its hooks, and no permission but its two addresses. */
import { PROXY_CORE, type SpawnOptions } from "../process.ts";
import { freePort, type Server, startServer } from "../server.ts";
import type { Peer } from "./peer.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** The command that runs the sample on a port. */
export function posternCommand(port: number, origin: string): [string, ...string[]] {
  return [
    Deno.execPath(),
    ...[
      "run",
      "--no-prompt",
      "--v8-flags=--max-semi-space-size=16",
      `--allow-net=127.0.0.1:${port},${origin}`,
    ],
    ...[MAIN, "run", "header_filter", "--access-log", "off"],
    ...["--listen", `127.0.0.1:${port}`, "--upstream", `http://${origin}`],
  ];
}

/** Starts the sample. */
export async function startPostern(origin: string, options: SpawnOptions): Promise<Server> {
  const port = freePort();
  return await startServer(posternCommand(port, origin), port, options);
}

/** Postern. */
export const postern: Peer = {
  name: "postern",
  about: () => Promise.resolve(`header_filter sample, Deno ${Deno.version.deno}`),
  start: (_dir, origin) => startPostern(origin, { core: PROXY_CORE }),
};
