/** haproxy: one thread, connections to the upstream shared by all clients. */
import { PROXY_CORE, run } from "../process.ts";
import { freePort, startServer } from "../server.ts";
import type { Peer } from "./peer.ts";

/** haproxy. */
export const haproxy: Peer = {
  name: "haproxy",
  async about() {
    const { output } = await run(["haproxy", "-v"], 10);
    return `haproxy ${/version (\d[\d.]*)/.exec(output)?.[1] ?? "?"}`;
  },
  async start(dir, origin) {
    await Deno.mkdir(dir, { recursive: true });
    const port = freePort();
    const config = `global
  nbthread 1
  maxconn 4096

defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h

frontend front
  bind 127.0.0.1:${port} backlog 4096
  default_backend origin

backend origin
  server origin ${origin}
`;
    await Deno.writeTextFile(`${dir}/haproxy.cfg`, config);
    return await startServer(["haproxy", "-db", "-q", "-f", `${dir}/haproxy.cfg`], port, {
      core: PROXY_CORE,
    });
  },
};
