/** nginx: one worker, connections to the upstream kept, nothing written to disk; as it is, and set up for special ends. */
import { type NginxOptions, startNginx } from "../nginx.ts";
import { PROXY_CORE, run } from "../process.ts";
import { freePort } from "../server.ts";
import type { Peer } from "./peer.ts";

/** What is set otherwise than in the plain one. */
interface Variation extends NginxOptions {
  /** Sizes of buffers, which are named in the report. */
  buffers?: string;
  /** More lines for the server. */
  server?: string;
  /** Whether connections may be upgraded. */
  upgrades?: boolean;
}

const BUFFERS = "proxy_buffer_size 32k; proxy_buffers 8 32k;";

/** nginx with its own sizes of buffers. */
export const nginx: Peer = nginxWith("nginx", {});

/** nginx with buffers that are better for large bodies. */
export const nginxBuffers: Peer = nginxWith("nginx-buffers", { buffers: BUFFERS });

/** nginx that passes upgrades on. */
export const nginxTunnels: Peer = nginxWith("nginx", { upgrades: true });

/** nginx that passes upgrades on, with larger buffers for what goes through them. */
export const nginxTunnelsBuffers: Peer = nginxWith("nginx-buffers", { upgrades: true, buffers: BUFFERS });

/** nginx that keeps many idle connections for long. */
export const nginxIdle: Peer = nginxWith("nginx", {
  connections: 20_000,
  server: "keepalive_timeout 1h; client_header_timeout 1h;",
});

/** nginx that passes on at once what the upstream sends. */
export const nginxEvents: Peer = nginxWith("nginx", { server: "proxy_buffering off;" });

function nginxWith(
  name: string,
  { buffers = "", server = "", upgrades = false, ...options }: Variation,
): Peer {
  const upgrade = `proxy_set_header Connection upgrade;
      proxy_set_header Upgrade $http_upgrade;
      proxy_read_timeout 1h;`;
  return {
    name,
    async about() {
      const { messages } = await run(["nginx", "-v"], 10);
      return `nginx ${/nginx\/(\S+)/.exec(messages)?.[1] ?? "?"}${buffers && `, ${buffers}`}`;
    },
    async start(dir, origin) {
      const port = freePort();
      const config = `  upstream origin {
    server ${origin};
    keepalive 128;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${server}
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      ${upgrades ? upgrade : `proxy_set_header Connection "";`}
      proxy_set_header Host $host;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      ${buffers}
    }
  }`;
      return await startNginx(dir, port, config, { core: PROXY_CORE, ...options });
    },
  };
}
