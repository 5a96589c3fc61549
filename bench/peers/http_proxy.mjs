// http-proxy with connections to the upstream kept, for Node and for Deno: http_proxy.mjs PORT ORIGIN
import http from "node:http";
import { createRequire } from "node:module";
import process from "node:process";

const { createProxyServer } = createRequire(import.meta.url)("http-proxy");
const [port, origin] = process.argv.slice(2);

const proxy = createProxyServer({
  target: `http://${origin}`,
  agent: new http.Agent({ keepAlive: true, maxFreeSockets: 2048 }),
});
proxy.on("error", (_error, _request, response) => {
  if (!response.headersSent) response.writeHead(502);
  response.end();
});
http.createServer((request, response) => proxy.web(request, response)).listen(Number(port), "127.0.0.1");
