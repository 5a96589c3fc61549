import { assertEquals, assertThrows } from "@std/assert";
import { redirect } from "../../src/rules/redirect.ts";
import { respond } from "../../src/rules/respond.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { parseMessage, requestText } from "../support/wire.ts";

Deno.test("an answer of the configuration has its length; a HEAD gets the same fields and no body", async () => {
  await using proxy = testProxy(respond({ status: 404, headers: { "x-a": "1" }, body: "nö" }));
  const got = parseMessage(await send(proxy.address, requestText("GET", "/")));
  assertEquals([got.status, got.body, got.framing, got.complete], [404, "n\u00c3\u00b6", "length", true]);
  const head = await send(proxy.address, requestText("HEAD", "/"));
  assertEquals([statusOf(head), valuesOf(head, "content-length"), valuesOf(head, "x-a")], [404, ["3"], [
    "1",
  ]]);
  assertEquals(head.split("\r\n\r\n")[1], "");
});

Deno.test("an answer without a body says so", async () => {
  for (const [status, length] of [[200, ["0"]], [204, []]] as const) {
    await using proxy = testProxy(respond({ status, body: status === 204 ? "ignored" : "" }));
    const answer = await send(proxy.address, requestText("GET", "/"));
    assertEquals([statusOf(answer), valuesOf(answer, "content-length")], [status, [...length]]);
    assertEquals(answer.split("\r\n\r\n")[1], "");
  }
});

const REDIRECTS: [to: string, target: string, location: string][] = [
  ["https://{host}{path}{query}", "/a?b=c", "https://a/a?b=c"],
  ["{scheme}://b.example{path}", "/x?y", "http://b.example/x"],
  ["https://b.example/", "/x", "https://b.example/"],
  ["/new{path}{query}", "/a?b", "/new/a?b"],
  ["/{path}", "//evil.example", "/evil.example"],
  ["/{path}", "/evil.example", "/evil.example"],
  ["/a?next={path}", "/%C3%BC", "/a?next=/%C3%BC"],
];

for (const [to, target, location] of REDIRECTS) {
  Deno.test(`a redirection to ${to} leads from ${target} to ${location}`, async () => {
    await using proxy = testProxy(redirect({ to }));
    const answer = await send(proxy.address, requestText("GET", target));
    assertEquals([statusOf(answer), valuesOf(answer, "location")], [308, [location]]);
  });
}

Deno.test("a redirection has the status that is asked for, and no other kind of status or variable", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    await using proxy = testProxy(redirect({ to: "/", status }));
    assertEquals(statusOf(await send(proxy.address, requestText("POST", "/a"))), status);
  }
  assertThrows(() => redirect({ to: "/", status: 304 }), RangeError, "301");
  assertThrows(() => redirect({ to: "https://{header.x-forwarded-host}/" }), RangeError, "{host}");
});
