// Plain HTTP that is sent to TLS, and browsers that are told to come by TLS at once; on both fronts.
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import type { ProxyModule } from "../../src/mod.ts";
import { FRONTS } from "../support/fronts.ts";
import { httpOrigin } from "../support/origin.ts";
import { e2e } from "../support/process.ts";
import { exchange, rawClient } from "../support/proxy.ts";
import { tlsClient, tlsProxy } from "../support/tls_proxy.ts";
import { within } from "../support/wire.ts";

const REDIRECT = { redirectHttp: "127.0.0.1:0" };
const CLOSE = "Connection: close\r\n";

/** What the `Location` of an answer says; "" without one. */
const locationOf = (answer: string) => /^location: (.*)\r$/mi.exec(answer)?.[1] ?? "";

const TARGETS: [request: string, location: string][] = [
  ["GET /a?b=c HTTP/1.1\r\nHost: a.test\r\n", "https://a.test:8443/a?b=c"],
  ["HEAD / HTTP/1.1\r\nHost: a.test:80\r\n", "https://a.test:8443/"],
  ["GET / HTTP/1.1\r\nHost: [::1]:8080\r\n", "https://[::1]:8443/"],
  ["GET //evil.test/x HTTP/1.1\r\nHost: a.test\r\n", "https://a.test:8443//evil.test/x"],
  ["GET http://a.test/b HTTP/1.1\r\nHost: a.test\r\n", "https://a.test:8443/b"],
  ["OPTIONS * HTTP/1.1\r\nHost: a.test\r\n", "https://a.test:8443"],
  ["DELETE /x HTTP/1.1\r\nHost: a.test\r\n", "https://a.test:8443/x"],
];

const REFUSED = [
  "GET / HTTP/1.1\r\n",
  "GET / HTTP/1.1\r\nHost: a.test/evil\r\n",
  "GET / HTTP/1.1\r\nHost: user@evil.test\r\n",
  "GET / HTTP/1.1\r\nHost: a.test\r\nHost: evil.test\r\n",
  "GET http://evil.test/ HTTP/1.1\r\nHost: a.test\r\n",
  "GET @evil.test HTTP/1.1\r\nHost: a.test\r\n",
  "GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
];

for (const front of FRONTS) {
  e2e(`plain HTTP is redirected to the same by TLS, or refused (${front})`, async () => {
    await using origin = httpOrigin(() => new Response("hello"));
    await using proxy = tlsProxy(origin.address, { front, ...REDIRECT, redirectPort: 8443 });
    const from = proxy.running.redirectAddress!;
    for (const [request, location] of TARGETS) {
      const answer = await exchange(from, `${request}${CLOSE}\r\n`);
      assert(answer.startsWith("HTTP/1.1 308 Permanent Redirect\r\n"), answer);
      assertEquals(locationOf(answer), location);
      assert(answer.endsWith("\r\n\r\n"), answer);
    }
    for (const request of REFUSED) {
      const answer = await exchange(from, `${request}${CLOSE}\r\n`);
      assert(answer.startsWith("HTTP/1.1 400 "), `${request}\n${answer}`);
      assertEquals(locationOf(answer), "");
    }
    assertEquals(proxy.running.counters.active, 0);
    assertEquals(origin.connections, 0);
  });

  e2e(
    `a redirect leads to the port that is listened on, and a body does not hold it up (${front})`,
    async () => {
      await using origin = httpOrigin(() => new Response("hello"));
      await using proxy = tlsProxy(origin.address, { front, ...REDIRECT });
      using client = await rawClient(proxy.running.redirectAddress!);
      await client.write(
        "POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nthe beginning",
      );
      assertEquals(locationOf((await client.readHead())!), `https://localhost:${proxy.port}/a`);
    },
  );

  e2e(`a redirect listener stops with its proxy (${front})`, async () => {
    for (const drain of [0, 10_000]) {
      await using origin = httpOrigin(() => new Response("hello"));
      await using proxy = tlsProxy(origin.address, { front, ...REDIRECT });
      const from = proxy.running.redirectAddress!;
      using idle = await rawClient(from);
      await idle.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await idle.readHead();
      await Promise.all([proxy.running.stop(drain), within(idle.closed(), "the end of the idle connection")]);
      await assertRejects(() => rawClient(from));
    }
  });

  e2e(`an address that cannot be redirected from is told, and nothing stays open (${front})`, async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const redirectHttp = `127.0.0.1:${taken.addr.port}`;
    assertThrows(
      () => tlsProxy("127.0.0.1:1", { front, redirectHttp }),
      Error,
      `cannot redirect from ${redirectHttp}`,
    );
    // Nobody is asked to wait for what was opened before.
    await new Promise((resolve) => setTimeout(resolve, 10));
  });

  e2e(
    `every answer by TLS says that TLS is to be used, unless the upstream says so itself (${front})`,
    async () => {
      await using origin = httpOrigin((request) => {
        const own = new URL(request.url).pathname === "/own";
        return new Response("hello", own ? { headers: { "Strict-Transport-Security": "max-age=5" } } : {});
      });
      const module: ProxyModule = {
        requestFilter: ({ request }) =>
          request.target === "/early" ? new Response(null, { status: 403 }) : undefined,
        upstreamPeer: ({ request }) => ({
          address: request.target === "/failed" ? "127.0.0.1:1" : origin.address,
        }),
      };
      const hsts = { maxAge: 31_536_000, includeSubDomains: true, preload: true };
      await using proxy = tlsProxy(module, { front, hsts, ...REDIRECT });
      const value = "max-age=31536000; includeSubDomains; preload";
      for (
        const [target, expected] of [
          ["/", value],
          ["/early", value],
          ["/failed", value],
          ["/%zz\u0001", value],
          ["/own", "max-age=5"],
        ]
      ) {
        using client = await tlsClient(proxy.port);
        await client.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`);
        await client.closed();
        const fields = client.received.match(/^strict-transport-security: .*$/gmi);
        // Deno.serve itself answers what is no HTTP at all.
        if (front === "serve" && target === "/%zz\u0001") continue;
        assertEquals(
          fields?.map((field) => field.slice(27).trim()),
          [expected!],
          `${target} ${client.received}`,
        );
      }
      const plain = await exchange(
        proxy.running.redirectAddress!,
        `GET / HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`,
      );
      assertStringIncludes(plain, " 308 ");
      assert(!/strict-transport/i.test(plain), plain);
    },
  );
}
