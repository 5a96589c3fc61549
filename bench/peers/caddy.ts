/** Caddy: one Go processor, as many connections to the upstream kept as there are clients. */
import { PROXY_CORE, run } from "../process.ts";
import { freePort, startServer } from "../server.ts";
import type { Peer } from "./peer.ts";

/** Caddy. */
export const caddy: Peer = {
  name: "caddy",
  async about() {
    const { output } = await run(["caddy", "version"], 10);
    return `Caddy ${output.trim().split(" ")[0]}`;
  },
  async start(dir, origin) {
    await Deno.mkdir(dir, { recursive: true });
    const port = freePort();
    const config = `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  reverse_proxy ${origin} {
    transport http {
      keepalive_idle_conns_per_host 128
    }
  }
}
`;
    await Deno.writeTextFile(`${dir}/Caddyfile`, config);
    return await startServer(
      ["caddy", "run", "--adapter", "caddyfile", "--config", `${dir}/Caddyfile`],
      port,
      { core: PROXY_CORE, env: { GOMAXPROCS: "1", HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir } },
    );
  },
};
