import { assertEquals, assertThrows } from "@std/assert";
import { compose } from "../../src/rules/compose.ts";
import { headers } from "../../src/rules/headers.ts";
import { rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send, valuesOf } from "../support/send.ts";
import { requestText, responseText } from "../support/wire.ts";

Deno.test("fields of requests and responses are removed, set and added, by templates", async () => {
  let seen = "";
  await using origin = rawOrigin(async (connection) => {
    seen = (await connection.readHead())!;
    await connection.write(responseText("", "Server: secret\r\nX-Kept: 1\r\nX-Old: 1\r\nX-Old: 2\r\n"));
  });
  await using proxy = testProxy(compose([
    headers({
      request: { set: { "x-client": "{client}", host: "b" }, add: { "x-way": "{path}" }, remove: ["x-gone"] },
      response: { set: { "x-old": "{method}" }, add: { "x-kept": "2" }, remove: ["server"] },
    }),
    { upstreamPeer: () => ({ address: origin.address }) },
  ]));
  const answer = await send(
    proxy.address,
    requestText("GET", "/a?b", "X-Way: w\r\nX-Gone: 1\r\nX-Client: lie\r\n"),
  );
  assertEquals(valuesOf(seen, "x-client"), ["127.0.0.1"]);
  assertEquals(valuesOf(seen, "host"), ["b"]);
  assertEquals(valuesOf(seen, "x-way"), ["w", "/a"]);
  assertEquals(valuesOf(seen, "x-gone"), []);
  assertEquals(valuesOf(answer, "x-old"), ["GET"]);
  assertEquals(valuesOf(answer, "x-kept"), ["1", "2"]);
  assertEquals(valuesOf(answer, "server"), []);
});

Deno.test("answers that a rule makes get the response's fields too", async () => {
  await using proxy = testProxy(
    compose([headers({ response: { set: { "x-frame-options": "DENY" }, remove: ["x-request-id"] } }), {
      requestFilter: () => new Response("no", { status: 401, headers: { "x-request-id": "1" } }),
    }]),
  );
  const answer = await send(proxy.address, requestText("GET", "/"));
  assertEquals(valuesOf(answer, "x-frame-options"), ["DENY"]);
  assertEquals(valuesOf(answer, "x-request-id"), []);
});

Deno.test("a value with a variable that is not known is refused at the start", () => {
  assertThrows(() => headers({ request: { set: { a: "{clinet}" } } }), RangeError, "{client}");
});
