import { assertEquals } from "@std/assert";
import { clientAddress, cookie, type HashKey, header, path } from "../../../src/balance/policies/keys.ts";
import { HeaderList } from "../../../src/http/headers.ts";
import type { Session } from "../../../src/proxy/hooks.ts";

function source(target: string, fields: [string, string][] = []) {
  return { clientAddress: "192.0.2.7", request: { target, headers: new HeaderList(fields) } };
}

Deno.test("a key is what its name says, and none where that is missing or empty", () => {
  const session = source("/a/b?c=d", [["x-tenant", "acme"], ["cookie", "id=4%20f; theme=; id=5"]]);
  assertEquals(clientAddress(session), "192.0.2.7");
  assertEquals(path(session), "/a/b");
  assertEquals(path(source("*")), "*");
  assertEquals([header("X-Tenant")(session), header("x-other")(session)], ["acme", undefined]);
  assertEquals([cookie("id")(session), cookie("theme")(session), cookie("no")(session)], [
    "4%20f",
    undefined,
    undefined,
  ]);
  assertEquals([header("x-tenant")(source("/")), cookie("id")(source("/"))], [undefined, undefined]);
});

Deno.test("names that objects have by nature are no cookies", () => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    assertEquals(cookie(name)(source("/", [["cookie", "a=b"]])), undefined);
  }
});

Deno.test("any function of a session can make a key", () => {
  const bySession: HashKey<Session> = ({ id }) => id;
  const all: HashKey<Session>[] = [bySession, clientAddress, path, header("a"), cookie("b")];
  assertEquals(all.length, 5);
});
