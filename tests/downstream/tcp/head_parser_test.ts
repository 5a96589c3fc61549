import { assert, assertEquals } from "@std/assert";
import { HeadParser } from "../../../src/downstream/tcp/head_parser.ts";
import { ProxyError } from "../../../src/http/errors.ts";
import { Random } from "../../support/random.ts";
import { makeRequest, mutateRequest } from "../../support/request_maker.ts";

const LIMITS = { maxRequestLine: 100, maxHead: 400, maxFields: 5 };
const WIDE = { maxRequestLine: 1e6, maxHead: 1e6, maxFields: 100 };

/** What a parser made of a head: its parts, the type of an error, or "waiting". */
type Result = string | {
  end: number;
  line: [method: string, target: string, minor: number];
  isPlain: boolean;
  isWide: boolean;
  fields: [string, string][];
};

/** An earlier, longer head that filled the whole buffer, so that whatever looks behind the end finds what it likes. */
const STALE = "GET /stale_target HTTP/1.1\r\nX_Stale: stale\r\n\r\n";

/** Gives a text to a parser up to each place in turn; before each, the bytes move to another place of the buffer. */
function parse(
  text: string,
  ends: readonly number[],
  limits = LIMITS,
  parser = new HeadParser(limits),
): Result {
  const buffer = new Uint8Array(text.length + 200);
  parser.reset();
  let result = -1;
  let start = 0;
  try {
    for (const end of ends) {
      start = (start + 61) % 100;
      for (let i = 0; i < buffer.length; i++) {
        const at = i - start;
        buffer[i] = (at >= 0 && at < end ? text : STALE).charCodeAt(
          at >= 0 && at < end ? at : i % STALE.length,
        );
      }
      result = parser.parse(buffer, start, start + end);
      if (result >= 0) break;
    }
  } catch (error) {
    assert(error instanceof ProxyError, `threw ${error}`);
    return error.type;
  }
  if (result < 0) return "waiting";
  const { methodEnd, targetEnd, minor, places, placed, isPlainTarget, isWideTarget } = parser;
  const fields: [string, string][] = [];
  for (let i = 0; i < placed; i += 4) {
    fields.push([text.slice(places[i], places[i + 1]), text.slice(places[i + 2], places[i + 3])]);
  }
  if (/_/.test(fields.map(([name]) => name).join(""))) assert(parser.hasUnderscore, "missed an underscore");
  return {
    end: result - start,
    line: [text.slice(0, methodEnd), text.slice(methodEnd + 1, targetEnd), minor],
    isPlain: isPlainTarget,
    isWide: isWideTarget,
    fields,
  };
}

function whole(text: string, limits = LIMITS): Result {
  return parse(text, [text.length], limits);
}

const LINE = "GET / HTTP/1.1\r\n";

/** Heads and their fields. */
const GOOD: Record<string, [head: string, fields: [string, string][]]> = {
  "no field": [`${LINE}\r\n`, []],
  "a field": [`${LINE}Host: a\r\n\r\n`, [["Host", "a"]]],
  "names of any token": [`${LINE}!#$%&'*+-.^_\`|~09azAZ: 1\r\n\r\n`, [["!#$%&'*+-.^_`|~09azAZ", "1"]]],
  "empty values": [`${LINE}a:\r\nb: \r\nc:\t \r\n\r\n`, [["a", ""], ["b", ""], ["c", ""]]],
  "no space behind the colon": [`${LINE}a:1\r\n\r\n`, [["a", "1"]]],
  "spaces and tabs around a value": [`${LINE}a: \t 1 \t \r\n\r\n`, [["a", "1"]]],
  "spaces, tabs and colons in a value": [`${LINE}a: 1 \t:2\r\n\r\n`, [["a", "1 \t:2"]]],
  "obs-text": [`${LINE}a: \x80\xff\xa0\r\n\r\n`, [["a", "\x80\xff\xa0"]]],
  "the same name again": [`${LINE}a: 1\r\nA: 2\r\n\r\n`, [["a", "1"], ["A", "2"]]],
  "bytes behind it": [`${LINE}a: 1\r\n\r\nbody\0\n`, [["a", "1"]]],
};

for (const [what, [text, fields]] of Object.entries(GOOD)) {
  Deno.test(`HeadParser reads a head with ${what}`, () => {
    const end = text.indexOf("\r\n\r\n") + 4;
    assertEquals(whole(text), { end, line: ["GET", "/", 1], isPlain: true, isWide: false, fields });
  });
}

Deno.test("HeadParser tells what a target is made of", () => {
  const targets: [target: string, isPlain: boolean, isWide: boolean][] = [
    ["/", true, false],
    ["/-_~!$&'()*+,;=:@Aa0", true, false],
    ["/a.b", false, false],
    ["/%41", false, false],
    ["/?", false, false],
    ["/#", false, false],
    ["/\x80", false, true],
    ["*", true, false],
    ["http://a/", true, false],
  ];
  for (const [target, isPlain, isWide] of targets) {
    const result = whole(`OPTIONS ${target} HTTP/1.0\r\n\r\n`);
    const line = ["OPTIONS", target, 0];
    assertEquals(
      result,
      { end: 22 + target.length - 1, line, isPlain, isWide, fields: [] } as unknown,
      target,
    );
  }
});

/** First lines and field lines that are refused, without their line end. */
const BAD_LINES = [
  ..." |/|GET|GET |GET /|GET / |GET  / HTTP/1.1|GET /  HTTP/1.1|GET / HTTP/1.1 |GET / /  HTTP/1.1".split("|"),
  ...["GET /\tHTTP/1.1", "GET\t/ HTTP/1.1", "G(T / HTTP/1.1", "G\xc9T / HTTP/1.1", "GET /\x7f HTTP/1.1"],
  ...["GET /\0 HTTP/1.1", "GET /a\rb HTTP/1.1", "GET / HTTP/1.1\r", "\rGET / HTTP/1.1", " GET / HTTP/1.1"],
  ...["0.9", "1.2", "1.10", "1.", "1", "2.0", "01.1", "1.1x", "1,1", "-1.1"].map((v) => `GET / HTTP/${v}`),
  ..."GET / http/1.1|GET / HTTPS/1.1|GET / HTTP 1.1|GET / HTTP/\xb1.1|PRI * HTTP/2.0|HTTP/1.1 200 OK".split(
    "|",
  ),
];
const BAD_FIELDS = [
  ...[
    " a: 1",
    "\ta: 1",
    " ",
    ":",
    ": 1",
    "a",
    "a 1",
    "a : 1",
    "a\t: 1",
    "a b: 1",
    "a(: 1",
    "\xe9: 1",
    "\0a: 1",
  ],
  ...[
    "a: \0",
    "a: \x01",
    "a: \x0b",
    "a: \x0c",
    "a: \x1f",
    "a: \x7f",
    "a: 1\r2",
    "a: 1\r",
    "\r",
    "\ra: 1",
    "a\r: 1",
  ],
];

Deno.test("HeadParser refuses a malformed line, as soon as all of it is there", () => {
  for (const line of BAD_LINES) {
    for (const rest of ["", "Host: a\r\n\r\n"]) {
      assertEquals(whole(`${line}\r\n${rest}`), "bad_request", line);
    }
  }
  for (const line of BAD_FIELDS) {
    for (const before of ["", "Host: a\r\n"]) {
      const text = `${LINE}${before}${line}`;
      assertEquals(whole(text), "waiting", line);
      for (const rest of ["", "\r\n", "b: 1\r\n\r\n"]) {
        assertEquals(whole(`${text}\r\n${rest}`), "bad_request", line);
      }
    }
  }
});

Deno.test("HeadParser refuses a line that ends with a bare LF", () => {
  for (
    const text of ["\n", "GET / HTTP/1.1\n", `${LINE}\n`, `${LINE}a: 1\n`, `${LINE}a:\n`, `${LINE}a: 1\r\n\n`]
  ) {
    for (const rest of ["", "\r\n", "\n", "b: 1\r\n\r\n"]) {
      assertEquals(whole(text + rest), "bad_request", text);
    }
  }
});

/** A text of those parts whose filling makes it exactly so long. */
function filled(before: string, behind: string, length: number): string {
  return before + "x".repeat(length - before.length - behind.length) + behind;
}

Deno.test("HeadParser takes what is as long as the limits allow, and not a byte more", () => {
  const line = (length: number) => filled("GET /", " HTTP/1.1\r\n", length);
  const head = (length: number) => filled(`${LINE}a: `, "\r\n\r\n", length);
  const fields = (count: number) => `${LINE}${"a: 1\r\n".repeat(count)}\r\n`;
  const cases: [within: string, beyond: string, error: string][] = [
    [`${line(100)}\r\n`, `${line(101)}\r\n`, "target_too_long"],
    [head(400), head(401), "head_too_large"],
    [fields(5), fields(6), "head_too_large"],
  ];
  for (const [within, beyond, error] of cases) {
    for (let cut = 0; cut <= beyond.length; cut++) {
      const ends = (text: string) => [Math.min(cut, text.length), text.length];
      assertEquals(typeof parse(within, ends(within)), "object", `${error} within, split at ${cut}`);
      assertEquals(parse(beyond, ends(beyond)), error, `${error} beyond, split at ${cut}`);
    }
  }
  // What never ends is refused once it cannot be short enough any more.
  assertEquals([whole("x".repeat(99)), whole("x".repeat(100))], ["waiting", "target_too_long"]);
  const begun = `${LINE}a: ${"x".repeat(380)}`;
  assertEquals([whole(begun), whole(`${begun}x`)].map(String), ["waiting", "head_too_large"]);
});

Deno.test("HeadParser finds the same in a table of heads wherever they are split", () => {
  const texts = [
    ...Object.values(GOOD).map(([text]) => text),
    ...BAD_LINES.map((line) => `${line}\r\nHost: a\r\n\r\n`),
    ...BAD_FIELDS.map((line) => `${LINE}a: 1\r\n${line}\r\n\r\n`),
  ];
  for (const text of texts) {
    const expected = whole(text);
    for (let cut = 0; cut <= text.length; cut++) {
      assertEquals(parse(text, [cut, text.length]), expected, `${JSON.stringify(text)} split at ${cut}`);
    }
    const all = Array.from({ length: text.length }, (_, i) => i + 1);
    assertEquals(parse(text, all), expected, `${JSON.stringify(text)} byte by byte`);
  }
});

Deno.test("HeadParser finds the same in random heads, valid or not, however they are split", () => {
  const parser = new HeadParser(WIDE);
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= 600; seed++) {
    const random = new Random(seed);
    const made = makeRequest(random).head;
    const text = seed % 3 === 0 ? made : mutateRequest(random, made);
    const expected = whole(text, WIDE);
    const kind = typeof expected === "string" ? expected : "read";
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    // Also one and the same parser, which the heads before left in whatever state.
    for (const most of [1, 3, 20]) {
      const ends = [...random.cuts(text.length, most), text.length];
      assertEquals(
        parse(text, ends, WIDE, parser),
        expected,
        `seed ${seed}: ${JSON.stringify(text)} at ${ends}`,
      );
    }
  }
  for (const kind of ["read", "bad_request", "waiting"]) {
    assert(seen.get(kind)! > 20, `${kind}: ${seen.get(kind)}`);
  }
});
