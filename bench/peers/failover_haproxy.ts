/** haproxy, with the settings of `tests/support/modules/failover.ts` as far as it has them. */
import { PROXY_CORE, run } from "../process.ts";
import { freePort, startServer } from "../server.ts";
import type { FailoverPeer } from "./failover_peer.ts";

/** haproxy. */
export const failoverHaproxy: FailoverPeer = {
  name: "haproxy",
  async about() {
    const { output } = await run(["haproxy", "-v"], 10);
    return `haproxy ${/version (\d[\d.]*)/.exec(output)?.[1] ?? "?"}`;
  },
  async start(dir, origins, onMessage) {
    await Deno.mkdir(dir, { recursive: true });
    const port = freePort();
    // A POST is not sent again once it was sent.
    const config = `global
  nbthread 1
  maxconn 4096

defaults
  mode http
  balance roundrobin
  http-reuse always
  option redispatch 1
  retries 2
  retry-on conn-failure empty-response response-timeout
  timeout connect 1s
  timeout client 60s
  timeout server 1s
  timeout check 400ms

frontend front
  bind 127.0.0.1:${port} backlog 4096
  default_backend origins

backend origins
  http-request disable-l7-retry unless METH_GET
  option httpchk GET /health
  default-server check inter 500ms fall 2 rise 2 observe layer7 error-limit 5 on-error mark-down slowstart 1s
${origins.map(({ name, address }) => `  server ${name} ${address}`).join("\n")}
`;
    await Deno.writeTextFile(`${dir}/haproxy.cfg`, config);
    return await startServer(["haproxy", "-db", "-f", `${dir}/haproxy.cfg`], port, {
      core: PROXY_CORE,
      onMessage,
    });
  },
  isOut: (line, { name }) => line.includes(`Server origins/${name} is DOWN`),
};
