import { assertEquals, assertThrows } from "@std/assert";
import type { Session } from "../../src/mod.ts";
import { HeaderList } from "../../src/http/headers.ts";
import { template } from "../../src/rules/template.ts";
import { setClaims } from "../../src/rules/token_claims.ts";

function sessionFor(target: string, fields: [string, string][] = []): Session {
  const headers = new HeaderList([["host", "a.example:80"], ...fields]);
  const request = { method: "PUT", target, headers };
  return { id: "id-1", clientAddress: "192.0.2.1", scheme: "https", request } as unknown as Session;
}

const CASES: [text: string, target: string, expected: string][] = [
  ["plain", "/", "plain"],
  ["", "/", ""],
  ["{client} {host} {method} {scheme} {id}", "/", "192.0.2.1 a.example:80 PUT https id-1"],
  ["{path}{query}", "/a/b?c=d?e", "/a/b?c=d?e"],
  ["[{path}|{query}]", "/a", "[/a|]"],
  ["{query}", "/a?", "?"],
  ["{header.X-A}", "/", "1, 2"],
  ["<{header.x-b}>", "/", "<>"],
  ["{jwt.sub} {jwt.n} {jwt.list} {jwt.none}.", "/", "Z\u00c3\u00bc ich 7 a,b ."],
  ["{jwt.map}", "/", '{"a":1}'],
  ["{jwt.toString}", "/", ""],
];

for (const [text, target, expected] of CASES) {
  Deno.test(`template ${JSON.stringify(text)} for ${target}`, () => {
    const session = sessionFor(target, [["X-A", "1"], ["x-a", "2"]]);
    setClaims(session, { sub: "Zü\r\nich", n: 7, list: ["a", "b"], map: { a: 1 } });
    assertEquals(template(text)(session), expected);
  });
}

for (const text of ["{nothing}", "{}", "{path", "path}", "{{path}}", "{header.}", "{header.a b}", "{jwt.}"]) {
  Deno.test(`template ${text} is refused with what is allowed`, () => {
    const error = assertThrows(() => template(text), RangeError);
    assertEquals(
      error.message.includes(JSON.stringify(text)) && error.message.includes("{header.NAME}"),
      true,
    );
  });
}

Deno.test("without a token, claims are nothing", () => {
  assertEquals(template("<{jwt.sub}>")(sessionFor("/")), "<>");
});
