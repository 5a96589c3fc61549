// fast-proxy; it keeps connections to the upstream by itself: fast_proxy.mjs PORT ORIGIN
// With UNDICI=1 it uses undici, which is quicker than its default.
import http from "node:http";
import { createRequire } from "node:module";
import process from "node:process";

const fastProxy = createRequire(import.meta.url)("fast-proxy");
const [port, origin] = process.argv.slice(2);

const undici = process.env.UNDICI === "1" ? { connections: 128 } : false;
const { proxy } = fastProxy({ base: `http://${origin}`, undici });
http.createServer((request, response) => proxy(request, response, request.url, {}))
  .listen(Number(port), "127.0.0.1");
