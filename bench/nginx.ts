/**
 * What origin and proxy have in common in nginx's words.
 *
 * @module
 */
import type { SpawnOptions } from "./process.ts";
import { type Server, startServer } from "./server.ts";

/** Differences from a process as nginx needs it. */
export interface NginxOptions extends SpawnOptions {
  /** How many connections it may have, those to upstreams included. @default {4096} */
  connections?: number;
}

/**
 * Starts nginx with one worker, its files in a directory of its own.
 *
 * @param http What goes into the http block.
 */
export async function startNginx(
  dir: string,
  port: number,
  http: string,
  { connections = 4096, ...options }: NginxOptions = {},
): Promise<Server> {
  await Deno.mkdir(dir, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${dir}/${name};`).join("\n  ");
  const config = `daemon off;
worker_processes 1;
pid ${dir}/pid;
error_log stderr error;
events { worker_connections ${connections}; }
http {
  ${temporary}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_max_body_size 0;
${http}
}
`;
  await Deno.writeTextFile(`${dir}/nginx.conf`, config);
  const command = ["nginx", "-e", "stderr", "-p", dir, "-c", `${dir}/nginx.conf`] as const;
  return await startServer(command, port, options);
}
