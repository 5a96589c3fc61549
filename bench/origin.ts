/**
 * The origin behind every proxy: nginx, on the core of the load.
 *
 * @module
 */
import { CASES } from "./cases.ts";
import { startNginx } from "./nginx.ts";
import { freePort, type Server } from "./server.ts";

/**
 * Starts it: a file for every download, and `/upload`, which takes a whole body in before it answers, as nginx does
 * when it passes a request on; the answer is the length of what came.
 */
export async function startOrigin(dir: string): Promise<Server> {
  const home = `${dir}/origin`;
  const files = `${home}/files`;
  await Deno.mkdir(files, { recursive: true });
  for (const { kind, path, size } of CASES) {
    if (kind === "download") await Deno.writeFile(`${files}${path}`, new Uint8Array(size).fill(120));
  }
  const port = freePort();
  return await startNginx(
    home,
    port,
    `  open_file_cache max=16;
  upstream answers {
    server unix:${home}/answers;
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${files};
    location = /upload {
      client_body_buffer_size 2m;
      proxy_pass http://answers;
      proxy_http_version 1.1;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_set_header X-Received $request_length;
    }
  }
  server {
    listen unix:${home}/answers;
    return 200 "$http_x_received\\n";
  }`,
  );
}
