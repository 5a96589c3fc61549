import { assert, assertEquals, assertThrows } from "@std/assert";
import { HeaderList, isName } from "../../src/http/headers.ts";

function list(...lines: [string, string][]): HeaderList {
  return new HeaderList(lines);
}

const MIXED: [string, string][] = [
  ["Host", "a"],
  ["X-One", "1"],
  ["set-cookie", "a=1, b"],
  ["x-ONE", "2"],
  ["Set-Cookie", "c=2"],
];

Deno.test("names compare without case in get, has, getAll, set, append and delete", () => {
  for (const name of ["x-one", "X-ONE", "X-One"]) {
    const headers = list(...MIXED);
    assertEquals([headers.get(name), headers.has(name)], ["1, 2", true]);
    assertEquals(headers.getAll(name), ["1", "2"]);
    headers.set(name, "3");
    assertEquals(headers.getAll("x-one"), ["3"]);
    headers.append(name, "4");
    assertEquals(headers.getAll("x-one"), ["3", "4"]);
    headers.delete(name);
    assertEquals([headers.get("x-one"), headers.has("x-one"), headers.getAll("x-one")], [null, false, []]);
    assertEquals(headers.lines.length, 6);
  }
});

Deno.test("a name that is not there gives null, false and nothing", () => {
  const headers = list(...MIXED);
  assertEquals([headers.get("x-on"), headers.has("x-one-more"), headers.getAll("")], [null, false, []]);
  headers.delete("x-none");
  assertEquals(headers.lines, MIXED.flat());
});

Deno.test("an empty value is a value", () => {
  const headers = list(["X-Empty", ""]);
  assertEquals([headers.get("x-empty"), headers.has("x-empty")], ["", true]);
  headers.append("x-empty", "1");
  assertEquals(headers.get("x-empty"), ", 1");
});

Deno.test("order and spelling are kept", () => {
  assertEquals(list(...MIXED).lines, MIXED.flat());
});

Deno.test("set replaces in the place, and keeps the spelling, of the first line and drops the others", () => {
  const headers = list(...MIXED);
  headers.set("x-one", "new");
  assertEquals(headers.lines, [
    ...["Host", "a"],
    ...["X-One", "new"],
    ...["set-cookie", "a=1, b"],
    ...["Set-Cookie", "c=2"],
  ]);
  headers.set("X-Last", "z");
  assertEquals(headers.lines.slice(-2), ["X-Last", "z"]);
});

Deno.test("delete takes out every line of a name and no other", () => {
  const headers = list(["a", "1"], ["A", "2"], ["b", "3"], ["a", "4"], ["ab", "5"], ["a", "6"]);
  headers.delete("A");
  assertEquals(headers.lines, ["b", "3", "ab", "5"]);
});

Deno.test("several Set-Cookie are each by themselves", () => {
  assertEquals(list(...MIXED).getSetCookie(), ["a=1, b", "c=2"]);
  assertEquals(list(["x", "1"]).getSetCookie(), []);
});

Deno.test("iteration gives the lines in order, names in lower case", () => {
  const headers = list(...MIXED);
  const lines: [string, string][] = [
    ["host", "a"],
    ["x-one", "1"],
    ["set-cookie", "a=1, b"],
    ["x-one", "2"],
    ["set-cookie", "c=2"],
  ];
  const called: [string, string][] = [];
  headers.forEach((value, name, parent) => {
    assert(parent === headers);
    called.push([name, value]);
  });
  assertEquals(called, lines);
  assertEquals([...headers], lines);
  assertEquals([...headers.entries()], lines);
  assertEquals([...headers.keys()], lines.map(([name]) => name));
  assertEquals([...headers.values()], lines.map(([, value]) => value));
});

Deno.test("forEach calls with the given this", () => {
  const self = {};
  list(["a", "1"]).forEach(function (this: unknown) {
    assert(this === self);
  }, self);
});

Deno.test("a clone shares nothing", () => {
  const headers = list(...MIXED);
  const copy = headers.clone();
  assertEquals(copy.lines, headers.lines);
  copy.set("host", "b");
  copy.delete("x-one");
  assertEquals(headers.lines, MIXED.flat());
  headers.append("x-new", "1");
  assertEquals([copy.has("x-new"), copy.get("host"), copy.has("x-one")], [false, "b", false]);
});

Deno.test("it is made from the web's Headers and from other lists", () => {
  const web = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"], ["X-Y", "1"]]);
  assertEquals(new HeaderList(web).getSetCookie(), ["a=1", "b=2"]);
  assertEquals(new HeaderList(list(...MIXED)).get("x-one"), "1, 2");
  assertEquals(new HeaderList().lines, []);
});

const BAD_NAMES = [
  "",
  " ",
  "a b",
  "a:",
  "a\r\n",
  "a\0",
  "caf\xe9",
  "(a)",
  "a\t",
  "{",
  '"a"',
  "a/b",
  "\u0100",
];
const BAD_VALUES = ["a\rb", "a\nb", "a\r\nx: y", "a\0", "\x01", "\x1f", "\x7f", "\u0100", "\u{1f6aa}", "\n"];

for (const method of ["set", "append"] as const) {
  for (const name of BAD_NAMES) {
    Deno.test(`${method} refuses the name ${JSON.stringify(name)}`, () => {
      const headers = list(["a", "1"]);
      assertThrows(() => headers[method](name, "x"), TypeError, "is not a token");
      assertEquals(headers.lines, ["a", "1"]);
    });
  }

  for (const value of BAD_VALUES) {
    Deno.test(`${method} refuses the value ${JSON.stringify(value)}`, () => {
      const headers = list(["a", "1"]);
      assertThrows(() => headers[method]("a", value), TypeError, "forbidden character");
      assertEquals(headers.lines, ["a", "1"]);
    });
  }

  for (const value of ["", "\t", "a\tb", " caf\xe9 ", "\x80\xff", '"q", \\'] as const) {
    Deno.test(`${method} takes the value ${JSON.stringify(value)} as it is`, () => {
      const headers = list();
      headers[method]("a", value);
      assertEquals(headers.lines, ["a", value]);
    });
  }
}

Deno.test("lines that would be refused cannot come in through the constructor", () => {
  assertThrows(() => list(["a", "b\r\nc: d"]), TypeError);
  assertThrows(() => list(["a b", "c"]), TypeError);
});

Deno.test("isName compares a spelling with a lower-case name", () => {
  const cases: [string, string, boolean][] = [
    ["host", "host", true],
    ["HoSt", "host", true],
    ["hosts", "host", false],
    ["hast", "host", false],
    ["", "", true],
  ];
  for (const [spelled, key, expected] of cases) assertEquals(isName(spelled, key), expected);
});
