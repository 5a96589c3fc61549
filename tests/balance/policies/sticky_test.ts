import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { StickySessions } from "../../../src/balance/policies/sticky.ts";
import { HeaderList } from "../../../src/http/headers.ts";
import { members } from "../../support/members.ts";

const SECRET = "a secret of the tests";
const [one, two] = members(2) as [ReturnType<typeof members>[0], ReturnType<typeof members>[0]];

/** What a client sends that was given this cookie. */
function returning(setCookie: string): HeaderList {
  return new HeaderList([["cookie", `theme=dark; ${setCookie.split(";")[0]}; x="y"`]]);
}

function withValue(value: string): HeaderList {
  return new HeaderList([["cookie", `postern=${value}`]]);
}

function valueOf(setCookie: string): string {
  return setCookie.split(";")[0]!.slice("postern=".length);
}

Deno.test("the cookie names the backend that it was made for", () => {
  const sticky = new StickySessions({ secret: SECRET });
  assertEquals(sticky.keyOf(returning(sticky.cookieFor(one))), one.key);
  assertEquals(sticky.keyOf(returning(sticky.cookieFor(two))), two.key);
  assertEquals(
    sticky.keyOf(new Headers({ cookie: returning(sticky.cookieFor(two)).get("cookie")! })),
    two.key,
  );
});

Deno.test("without the cookie, or with another, there is no backend", () => {
  const sticky = new StickySessions({ secret: SECRET });
  const value = valueOf(sticky.cookieFor(one));
  assertEquals(sticky.keyOf(new HeaderList()), undefined);
  assertEquals(sticky.keyOf(new HeaderList([["cookie", `other=${value}`]])), undefined);
  assertEquals(sticky.keyOf(new HeaderList([["cookie", ""]])), undefined);
});

Deno.test("a cookie that is forged, truncated, prolonged or changed in any character names nothing", () => {
  const sticky = new StickySessions({ secret: SECRET });
  sticky.update([one, two]);
  const value = valueOf(sticky.cookieFor(one));
  const other = valueOf(sticky.cookieFor(two));
  const [id, signature] = value.split(".") as [string, string];
  const wrong = [
    "",
    ".",
    id,
    `${id}.`,
    `.${signature}`,
    `${other.split(".")[0]}.${signature}`,
    `${id}${signature}`,
    `${value}A`,
    `${value}=`,
    `"${value}"`,
    valueOf(new StickySessions({ secret: `${SECRET}!` }).cookieFor(one)),
    "10.0.0.0:80",
    one.key,
  ];
  for (let i = 0; i < value.length; i++) {
    wrong.push(value.slice(0, i));
    for (const c of ["A", "B", "-", "."]) {
      if (c !== value[i]) wrong.push(value.slice(0, i) + c + value.slice(i + 1));
    }
  }
  for (const text of wrong) assertEquals(sticky.keyOf(withValue(text)), undefined, text);
  assertEquals(sticky.keyOf(withValue(value)), one.key);
});

Deno.test("the cookie tells nothing of the address, and is another under another secret", () => {
  const text = new StickySessions({ secret: SECRET }).cookieFor(one);
  assertMatch(valueOf(text), /^[\w-]{16}\.[\w-]{43}$/);
  assert(
    !text.includes("10.0.0.0") &&
      !atob(valueOf(text).slice(0, 16).replaceAll("-", "+").replaceAll("_", "/")).includes("10."),
  );
  const other = new StickySessions({ secret: `${SECRET}!` }).cookieFor(one);
  assert(valueOf(text).slice(0, 16) !== valueOf(other).slice(0, 16));
});

Deno.test("after a restart, and in another proxy, cookies hold once the group is known", () => {
  const text = new StickySessions({ secret: SECRET }).cookieFor(two);
  const again = new StickySessions({ secret: SECRET });
  assertEquals(again.keyOf(returning(text)), undefined);
  again.update([one, two]);
  assertEquals(again.keyOf(returning(text)), two.key);
  again.update([one]);
  assertEquals(again.keyOf(returning(text)), undefined);
});

Deno.test("the secret can be changed without losing those who come with a cookie of the old one", () => {
  const old = "the secret of last year";
  const text = new StickySessions({ secret: old }).cookieFor(one);
  const sticky = new StickySessions({ secret: [SECRET, old] });
  sticky.update([one]);
  assertEquals(sticky.keyOf(returning(text)), one.key);
  assertEquals(sticky.cookieFor(one), new StickySessions({ secret: SECRET }).cookieFor(one));
  const later = new StickySessions({ secret: SECRET });
  later.update([one]);
  assertEquals(later.keyOf(returning(text)), undefined);
});

Deno.test("the attributes are as set, and never let scripts read the cookie", () => {
  const plain = new StickySessions({ secret: SECRET }).cookieFor(one);
  assertEquals(plain.slice(plain.indexOf(";")), "; Path=/; HttpOnly; SameSite=Lax");
  const all = new StickySessions({
    secret: SECRET,
    cookie: "lb",
    maxAge: 3600,
    path: "/app",
    secure: true,
    sameSite: "None",
  }).cookieFor(one);
  assertMatch(all, /^lb=[^;]+; Max-Age=3600; Path=\/app; HttpOnly; Secure; SameSite=None$/);
});

Deno.test("options that cannot be used are refused, and the secret is not in the message", () => {
  for (
    const [options, message] of [
      [{ secret: "short one" }, '"secret"'],
      [{ secret: [] }, '"secret"'],
      [{ secret: [SECRET, "short one"] }, '"secret"'],
      [{ secret: SECRET, cookie: "a b" }, '"cookie"'],
      [{ secret: SECRET, path: "app" }, '"path"'],
      [{ secret: SECRET, path: "/;Domain=example.com" }, '"path"'],
      [{ secret: SECRET, sameSite: "None" }, '"sameSite"'],
      [{ secret: SECRET, maxAge: 0.5 }, '"maxAge"'],
    ] as const
  ) {
    const { message: text } = assertThrows(() => new StickySessions(options), RangeError, message);
    assert(!text.includes("short one"));
  }
});
