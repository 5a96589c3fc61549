import { assertEquals, assertStringIncludes } from "@std/assert";
import { cannedOrigin, httpOrigin } from "../support/origin.ts";
import { exchange, testProxy } from "../support/proxy.ts";

Deno.test("a GET is forwarded and its body comes back unchanged", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = testProxy(origin.address);
  const response = await fetch(proxy.url);
  assertEquals([response.status, await response.text()], [200, "hello"]);
});

Deno.test("status, duplicate Set-Cookie and unusual header values come back as the upstream sent them", async () => {
  await using origin = cannedOrigin(
    "HTTP/1.1 404 Nope\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd: \t caf\xe9 \r\nContent-Length: 2\r\n\r\nno",
  );
  await using proxy = testProxy(origin.address);
  const text = await exchange(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assertStringIncludes(text, "HTTP/1.1 404 ");
  assertStringIncludes(text.toLowerCase(), "set-cookie: a=1\r\nset-cookie: b=2\r\n");
  assertStringIncludes(text, ": caf\xe9\r\n");
});

Deno.test("connections to the upstream are used again", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = testProxy(origin.address);
  for (let i = 0; i < 3; i++) await (await fetch(proxy.url)).body?.cancel();
  await proxy.ended(3);
  assertEquals([origin.connections, proxy.counters.connects, proxy.counters.reuses], [1, 1, 2]);
});
