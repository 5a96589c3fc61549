/** nginx: one worker, connections to the upstream kept, nothing written to disk; as it is, and with larger buffers. */
import { startNginx } from "../nginx.ts";
import { PROXY_CORE, run } from "../process.ts";
import { freePort } from "../server.ts";
import type { Peer } from "./peer.ts";

/** nginx with its own sizes of buffers. */
export const nginx: Peer = nginxWith("nginx", "");

/** nginx with buffers that are better for large bodies. */
export const nginxBuffers: Peer = nginxWith("nginx-buffers", "proxy_buffer_size 32k; proxy_buffers 8 32k;");

function nginxWith(name: string, buffers: string): Peer {
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
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      ${buffers}
    }
  }`;
      return await startNginx(dir, port, config, { core: PROXY_CORE });
    },
  };
}
