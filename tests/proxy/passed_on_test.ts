/**
 * What a proxy could act on itself, and this one passes on: redirects, answers that ask to come back later, methods.
 *
 * A request is sent again only when it cannot have been answered: see `retry_test.ts`. An answer, whatever its status
 * and whatever Retry-After says, is the client's to act on; waiting here would hold the client's request open.
 */
import { assertEquals } from "@std/assert";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { chunked, parseMessage, postText, requestText, valueOf } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

/** Every kind of target: the same origin, another host and port, relative, with a query, one that cannot be resolved. */
const LOCATIONS: Record<number, string> = {
  300: "/choose",
  301: "http://b.example:8080/a//b/../c?x=%41&&#there",
  302: "../up?a=1",
  303: "https://origin.internal/",
  307: "//b.example/c",
  308: "http://[not a host/",
};

for (const [status, location] of Object.entries(LOCATIONS)) {
  Deno.test(`a ${status} is passed on and not followed, its Location to the letter`, async () => {
    await using origin = wireOrigin(() =>
      `HTTP/1.1 ${status} Elsewhere\r\nLocation: ${location}\r\nContent-Length: 4\r\n\r\nmove`
    );
    await using proxy = testProxy(origin.address);
    for (const request of [requestText("GET", "/a"), postText("body")]) {
      const answer = parseMessage(await send(proxy.address, request));
      assertEquals([answer.status, answer.body], [Number(status), "move"]);
      assertEquals(valueOf(answer.fields, "location"), location);
    }
    assertEquals(origin.requests.map(({ line }) => line), ["GET /a HTTP/1.1", "POST / HTTP/1.1"]);
    await proxy.ended(2);
    assertEquals(proxy.entries.map(({ attempts }) => attempts), [1, 1]);
  });
}

for (const status of [408, 425, 429, 500, 502, 503, 504]) {
  Deno.test(`a ${status} with Retry-After is passed on and not asked for again`, async () => {
    await using origin = wireOrigin(() =>
      `HTTP/1.1 ${status} Later\r\nRetry-After: 0\r\nContent-Length: 5\r\n\r\nlater`
    );
    await using proxy = testProxy({
      options: { retries: 3 },
      upstreamPeer: () => ({ address: origin.address }),
    });
    for (const method of ["GET", "HEAD", "PUT"]) {
      const answer = parseMessage(await send(proxy.address, requestText(method, "/")));
      assertEquals([answer.status, valueOf(answer.fields, "retry-after")], [status, "0"]);
      if (method !== "HEAD") assertEquals(answer.body, "later");
    }
    assertEquals(origin.requests.length, 3);
    await proxy.ended(3);
    assertEquals([proxy.entries.map(({ attempts }) => attempts), proxy.counters.retries], [[1, 1, 1], 0]);
  });
}

for (const framing of ["length", "chunked"]) {
  Deno.test(`QUERY with a body, sent with ${framing}, arrives as it was`, async () => {
    await using origin = wireOrigin(({ body }) =>
      `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    );
    await using proxy = testProxy(origin.address);
    const query = "select surname, givenname limit 10";
    const type = "Content-Type: application/sql\r\n";
    const request = framing === "length"
      ? requestText("QUERY", "/contacts?a=1", `${type}Content-Length: ${query.length}\r\n`, query)
      : requestText("QUERY", "/contacts?a=1", `${type}Transfer-Encoding: chunked\r\n`, chunked([query]));
    assertEquals(parseMessage(await send(proxy.address, request)).body, query);
    const [got] = origin.requests;
    assertEquals([got!.line, got!.body], ["QUERY /contacts?a=1 HTTP/1.1", query]);
    const { fields, framing: sent } = parseMessage(got!.text);
    assertEquals([sent, valueOf(fields, "content-type")], [framing, "application/sql"]);
  });
}
