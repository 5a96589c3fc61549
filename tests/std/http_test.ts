import { assertEquals, assertThrows } from "@std/assert";
import { getCookies, setCookie } from "@std/http";

Deno.test("cookies are read with their values as they are", () => {
  const headers = new Headers({ cookie: 'a=1; b = 2 ;c="3";d=4=5; e=%20; f=;g' });
  assertEquals({ ...getCookies(headers) }, { a: "1", b: "2", c: '"3"', d: "4=5", e: "%20", f: "" });
  assertEquals({ ...getCookies(new Headers()) }, {});
});

Deno.test("a cookie is written with its attributes, beside those that are there", () => {
  const headers = new Headers();
  setCookie(headers, { name: "a", value: "1" });
  setCookie(headers, {
    name: "b",
    value: "%202",
    maxAge: 60,
    domain: "example.com",
    path: "/",
    expires: new Date(0),
    httpOnly: true,
    secure: true,
    sameSite: "Strict",
  });
  assertEquals(headers.getSetCookie(), [
    "a=1",
    "b=%202; Max-Age=60; Domain=example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Strict",
  ]);
});

Deno.test("what would add to a cookie is refused", () => {
  for (const value of ["a;b", "a\r\nb", "a b"]) {
    assertThrows(() => setCookie(new Headers(), { name: "a", value }), TypeError);
  }
  assertThrows(() => setCookie(new Headers(), { name: "a;", value: "b" }), TypeError);
});
