/** Postern: the header_filter sample with its hooks, and no permission but its two addresses; on either front. */
import { PROXY_CORE, type SpawnOptions } from "../process.ts";
import { freePort, type Server, startServer } from "../server.ts";
import type { Peer } from "./peer.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** The command that runs the sample on a port, with more options if there are any. */
export function posternCommand(port: number, origin: string, ...more: string[]): [string, ...string[]] {
  return [
    Deno.execPath(),
    ...[
      "run",
      "--no-prompt",
      "--v8-flags=--max-semi-space-size=16",
      `--allow-net=127.0.0.1:${port},${origin}`,
    ],
    ...[MAIN, "run", "header_filter", ...more, "--access-log", "off"],
    ...["--listen", `127.0.0.1:${port}`, "--upstream", `http://${origin}`],
  ];
}

/** Starts the sample. */
export async function startPostern(
  origin: string,
  options: SpawnOptions,
  ...more: string[]
): Promise<Server> {
  const port = freePort();
  return await startServer(posternCommand(port, origin, ...more), port, options);
}

/** Postern as it is, on `Deno.serve`. */
export const postern: Peer = {
  name: "postern",
  about: () => Promise.resolve(`header_filter sample, Deno ${Deno.version.deno}`),
  start: (_dir, origin) => startPostern(origin, { core: PROXY_CORE }),
};

/** Postern with its own HTTP/1.1 server on `Deno.listen`. */
export const posternTcp: Peer = {
  name: "postern-tcp",
  about: async () => `${await postern.about()}, --front tcp`,
  start: (_dir, origin) => startPostern(origin, { core: PROXY_CORE }, "--front", "tcp"),
};
