import { assertEquals, assertThrows } from "@std/assert";
import type { Session } from "../../src/mod.ts";
import { access, type AccessOptions } from "../../src/rules/access.ts";
import { compose } from "../../src/rules/compose.ts";
import { respond } from "../../src/rules/respond.ts";
import { testProxy } from "../support/proxy.ts";

const CASES: [options: AccessOptions, address: string, allowed: boolean][] = [
  [{}, "192.0.2.1", true],
  [{ allow: ["10.0.0.0/8"] }, "10.1.2.3", true],
  [{ allow: ["10.0.0.0/8"] }, "11.1.2.3", false],
  [{ allow: ["10.0.0.0/8"] }, "::ffff:10.1.2.3", true],
  [{ allow: ["::ffff:10.0.0.0/104"] }, "10.1.2.3", true],
  [{ allow: ["2001:db8::/32"] }, "2001:db8::1", true],
  [{ allow: ["2001:db8::/32"] }, "10.0.0.1", false],
  [{ allow: ["192.0.2.1"] }, "192.0.2.1", true],
  [{ allow: [] }, "192.0.2.1", false],
  [{ allow: ["10.0.0.0/8"] }, "", false],
  [{ deny: ["10.0.0.0/8"] }, "10.1.2.3", false],
  [{ deny: ["10.0.0.0/8"] }, "::ffff:10.1.2.3", false],
  [{ deny: ["10.0.0.0/8"] }, "11.0.0.1", true],
  [{ allow: ["10.0.0.0/8"], deny: ["10.0.0.1"] }, "10.0.0.1", false],
  [{ allow: ["10.0.0.0/8"], deny: ["10.0.0.1"] }, "10.0.0.2", true],
];

for (const [options, clientAddress, allowed] of CASES) {
  Deno.test(`${JSON.stringify(options)} ${allowed ? "lets" : "does not let"} "${clientAddress}" in`, async () => {
    const answer = await access(options).requestFilter!({ clientAddress, id: "1" } as Session, undefined);
    await answer?.body?.cancel();
    assertEquals(answer?.status, allowed ? undefined : 403);
  });
}

Deno.test("a client that is denied gets 403 with the request id, one that is not gets on", async () => {
  for (const [deny, status] of [["127.0.0.0/8", 403], ["10.0.0.0/8", 200]] as const) {
    await using proxy = testProxy(compose([access({ deny: [deny] }), respond({ body: "in" })]));
    const answer = await fetch(proxy.url, { headers: { "x-request-id": "abc" } });
    assertEquals([answer.status, (await answer.text()).includes("abc")], [status, status === 403]);
  }
});

Deno.test("a range that is none is refused at the start", () => {
  assertThrows(() => access({ deny: ["10.0.0.0/99"] }), RangeError, 'Cannot deny "10.0.0.0/99"');
});
