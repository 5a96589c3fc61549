/** Postern: the module of the end-to-end test, with no permission but what it needs. */
import { PROXY_CORE } from "../process.ts";
import { freePort, startServer } from "../server.ts";
import type { FailoverPeer } from "./failover_peer.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const FOLDER = new URL("../../tests/support/modules", import.meta.url).pathname;

/** Postern. */
export const failoverPostern: FailoverPeer = {
  name: "postern",
  about: () => Promise.resolve(`tests/support/modules/failover.ts, Deno ${Deno.version.deno}`),
  async start(_dir, origins, onMessage) {
    const port = freePort();
    const addresses = origins.map(({ address }) => address).join(",");
    return await startServer(
      [
        Deno.execPath(),
        ...["run", "--no-prompt", "--v8-flags=--max-semi-space-size=16"],
        ...[`--allow-net=127.0.0.1:${port},${addresses}`, `--allow-read=${FOLDER}`, "--allow-env=ORIGINS"],
        ...[MAIN, "run", `${FOLDER}/failover.ts`, "--access-log", "off", "--listen", `127.0.0.1:${port}`],
      ],
      port,
      { core: PROXY_CORE, env: { ORIGINS: addresses, NO_COLOR: "1" }, onMessage },
    );
  },
  isOut: (line, { address }) => / (DOWN|EJECTED) /.test(line) && line.includes(`upstream ${address} `),
};
