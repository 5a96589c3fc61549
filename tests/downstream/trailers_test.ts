/**
 * Trailers, which end at this proxy: `Deno.serve` hands on neither a request's nor takes a response's. So that no
 * origin counts on them, `TE: trailers` is dropped, where proxies that hand trailers on keep it (reply-from, Go).
 */
import { assertEquals } from "@std/assert";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText, valueOf } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

for (const te of ["trailers", "TRAILERS", "trailers;q=0.5, gzip"]) {
  Deno.test(`TE: ${te} is dropped, with and without Connection naming it`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    for (const connection of ["close", "close, TE"]) {
      await send(
        proxy.address,
        `GET / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\nTE: ${te}\r\n\r\n`,
      );
    }
    const fields = origin.requests.map(({ text }) => parseMessage(text).fields);
    assertEquals(fields.map((each) => valueOf(each, "te")), [null, null]);
    assertEquals(fields.map((each) => valueOf(each, "connection")), [null, null]);
  });
}

for (const announced of ["", "Trailer: X-Sum\r\n"]) {
  Deno.test(`a response's trailers are dropped, its body is whole: ${announced ? "" : "not "}announced`, async () => {
    await using origin = wireOrigin(() =>
      `HTTP/1.1 200 OK\r\n${announced}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n`
    );
    await using proxy = testProxy(origin.address);
    for (let i = 0; i < 2; i++) {
      const text = await send(proxy.address, requestText("GET", "/", "TE: trailers\r\n"));
      const { status, body, complete, fields } = parseMessage(text);
      assertEquals([status, body, complete], [200, "hello", true]);
      assertEquals(["trailer", "x-sum"].map((name) => valueOf(fields, name)), [null, null]);
      assertEquals(text.toLowerCase().includes("x-sum"), false);
    }
    assertEquals([origin.connections, proxy.counters.reuses], [1, 1]);
  });
}
