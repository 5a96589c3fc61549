/** What holds for every answer, whoever made it: the client can tell where it ends, and its request is accounted for. */
import { assertEquals } from "@std/assert";
import type { ProxyModule } from "../../src/mod.ts";
import { FRONTS, onBothFronts, SERVE } from "../support/fronts.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { parseMessage } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const STATUSES = [200, 204, 205, 206, 301, 304, 404, 500];
const BODILESS = [204, 205, 304];
/** One status of each way to frame an answer: on the second front, the others would show nothing new. */
const FRAMED_APART = [200, ...BODILESS];
const NEXT = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** What makes answers with that status, to requests for anything but `/next`. */
type Maker = (status: number, hasLength: boolean, address: string) => ProxyModule;

const MAKERS: Record<string, Maker> = {
  "an origin": (_status, _hasLength, address) => ({ upstreamPeer: () => ({ address }) }),
  "requestFilter": (status, hasLength, address) => ({
    requestFilter({ request }) {
      if (request.target === "/next") return;
      return new Response(BODILESS.includes(status) ? null : "hello", {
        status,
        headers: hasLength ? { "content-length": "5" } : {},
      });
    },
    upstreamPeer: () => ({ address }),
  }),
  "responseFilter": (status, _hasLength, address) => ({
    upstreamPeer: () => ({ address }),
    responseFilter(_session, response) {
      if (response.headers.has("x-made")) response.status = status;
    },
  }),
  "failToProxy": (status, hasLength, address) => ({
    upstreamPeer({ request }) {
      if (request.target === "/next") return { address };
      throw new Error("no upstream");
    },
    failToProxy: () =>
      new Response(BODILESS.includes(status) ? null : "hello", {
        status,
        headers: hasLength ? { "content-length": "5" } : {},
      }),
  }),
};

/** What an origin sends for a status; that of `responseFilter` sends a 200. */
function originText(status: number, method: string, hasLength: boolean): string {
  const noBody = method === "HEAD" || BODILESS.includes(status);
  // A 205 says that there is nothing to come, unlike the other two.
  const length = status === 205 ? 0 : 5;
  const head = `HTTP/1.1 ${status} X\r\nx-made: 1\r\n`;
  if (hasLength) return `${head}Content-Length: ${length}\r\n\r\n${noBody ? "" : "hello"}`;
  if (status === 204 || status === 304) return `${head}\r\n`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${
    method === "HEAD" ? "" : noBody ? "0\r\n\r\n" : "5\r\nhello\r\n0\r\n\r\n"
  }`;
}

for (const [maker, moduleOf] of Object.entries(MAKERS)) {
  for (const status of STATUSES) {
    for (const method of ["GET", "HEAD"]) {
      for (const hasLength of [true, false]) {
        const what = `a ${status} to ${method} by ${maker}, ${hasLength ? "with" : "without"} a length`;
        onBothFronts(`${what}, has an end for the client and for the proxy`, async (front) => {
          await using origin = wireOrigin(({ line }) =>
            line.includes("/next")
              ? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
              : originText(maker === "responseFilter" ? 200 : status, method, hasLength)
          );
          let logged = 0;
          await using proxy = testProxy({
            ...moduleOf(status, hasLength, origin.address),
            logging: () => void logged++,
          }, { front });
          const answers = await send(proxy.address, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`);
          // Deno.serve would leave the client waiting for the body of a 205.
          const sent = status === 205 && front === "serve" ? 204 : status;
          const at = answers.lastIndexOf("HTTP/1.1 200 ");
          const first = answers.slice(0, at);
          assertEquals([statusOf(first), statusOf(answers.slice(at))], [sent, 200]);
          assertEquals(parseMessage(answers.slice(at)).body, "next");
          const { body, framing, complete } = parseMessage(first);
          if (method === "HEAD" || BODILESS.includes(status)) {
            assertEquals(first.slice(first.indexOf("\r\n\r\n")), "\r\n\r\n");
            if (sent === 204) assertEquals(valuesOf(first, "content-length"), []);
          } else {
            assertEquals([body, complete, framing === "close"], ["hello", true, false]);
          }
          await proxy.ended(2);
          assertEquals([logged, proxy.counters.active, proxy.counters.requests], [2, 0, 2]);
        }, FRAMED_APART.includes(status) && maker !== "failToProxy" ? FRONTS : SERVE);
      }
    }
  }
}
