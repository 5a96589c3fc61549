import { assert, assertEquals } from "@std/assert";
import { captureLog } from "../../support/captured_log.ts";
import { type Handled, type Reading, serveBytes, type Served } from "../../support/fake_client.ts";
import { Random } from "../../support/random.ts";
import { type MadeRequest, makeRequest, mutateRequest } from "../../support/request_maker.ts";
import { readStrictly, type StrictRequest } from "../../support/strict_reader.ts";

const READINGS: Reading[] = ["pieces", "pieces", "whole", "none"];

/** Some requests of a connection, one behind the other. */
function pipeline(random: Random): MadeRequest[] {
  const made: MadeRequest[] = [];
  do made.push(makeRequest(random)); while (made.at(-1)!.keepAlive && !random.once(3));
  return made;
}

/** All at once, byte by byte if it is short, and in random pieces. */
function splits(random: Random, length: number): number[][] {
  const cuts = [[], random.cuts(length, 3), random.cuts(length, 40)];
  if (length < 500) cuts.push(Array.from({ length }, (_, i) => i));
  return cuts;
}

/** Serves bytes and says, when that fails, which. */
async function serve(seed: number, text: string, cuts: readonly number[], reading: Reading): Promise<Served> {
  try {
    return await serveBytes(text, cuts, reading);
  } catch (error) {
    throw new Error(`${describe(seed, text, cuts, reading)}: ${error}`, { cause: error });
  }
}

function describe(seed: number, text: string, cuts: readonly number[], reading: Reading): string {
  return `seed ${seed}, split at ${JSON.stringify(cuts).slice(0, 100)}, ${reading}, ${
    JSON.stringify(text.slice(0, 900))
  }`;
}

/** The end-to-end fields, Host not among them. */
function fieldsOf(lines: readonly string[]): string[] {
  const fields: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    if (!/^host$/i.test(lines[i]!)) fields.push(`${lines[i]}: ${lines[i + 1]}`);
  }
  return fields;
}

Deno.test("tcp: valid requests are read as what they mean, however they are split", async () => {
  using log = captureLog();
  for (let seed = 1; seed <= 400; seed++) {
    const random = new Random(seed);
    const made = pipeline(random);
    const text = made.map((request) => request.text).join(random.pick(["", "", "\r\n", "\r\n\r\n"]));
    for (const cuts of splits(random, text.length)) {
      const reading = random.pick(["pieces", "whole"] as const);
      const { handled, answers } = await serve(seed, text, cuts, reading);
      const what = describe(seed, text, cuts, reading);
      assertEquals(handled.map(({ error }) => error), made.map(() => ""), what);
      for (const [i, { method, target, lines, body }] of made.entries()) {
        assertEquals([handled[i]!.method, handled[i]!.target], [method, target], what);
        assertEquals(fieldsOf(handled[i]!.lines), fieldsOf(lines), what);
        // Without any, these have an empty one.
        const none = /^(POST|PUT|PATCH)$/.test(method) ? "" : null;
        assert(handled[i]!.body === (body ?? none), what);
      }
      assertEquals(answers.match(/HTTP\/1\.1 200/g)?.length, made.length, what);
    }
  }
  assertEquals(log.lines, []);
});

/** Whether nothing is to be said against a request's method, target and Host, of which the strict reader knows nothing. */
function isOrdinary({ method, target, fields, minor }: StrictRequest): boolean {
  const host = fields.filter(([name]) => /^host$/i.test(name)).map(([, value]) => value).join("");
  const path = target.replace(/^http:\/\/a(:80)?(?=[/?])/i, "").replace(/\?.*/, "");
  return method !== "CONNECT" && (host === "a" || (minor === 0 && host === "" && target.startsWith("/"))) &&
    /^(\/[a-z0-9/]*)?$/.test(path) && !/[#\x80-\xff]/.test(target);
}

/** What is wrong with what the server made of bytes, by what the strict reader makes of them; "" if nothing is. */
function disagreement(text: string, handled: readonly Handled[]): string {
  const { requests, rest } = readStrictly(text);
  for (const [i, { method, body, trailers, lines, error }] of handled.entries()) {
    const strict = requests[i];
    if (error !== "") {
      if (i < handled.length - 1) return "goes on behind an error";
      if (strict === undefined) return rest === "nothing" ? "an error for nothing" : "";
      return isOrdinary(strict) ? `refused an ordinary request: ${JSON.stringify(strict)}` : "";
    }
    if (strict === undefined) return `took what is ${rest} for a request`;
    if (method !== strict.method) return "another method";
    if (body !== null && body !== (strict.body ?? "")) return "another body";
    if (strict.body !== null && body === null) return "no body";
    const trailerLines = strict.trailers.flat();
    if (body !== null && trailers.join("\n") !== trailerLines.join("\n")) return "other trailers";
    const values = strict.fields.map(([name, value]) => `${name}: ${value}`);
    const made = fieldsOf(lines).find((field) => !values.includes(field));
    if (made !== undefined) return `a field that was not there: ${made}`;
  }
  const next = requests[handled.length - 1];
  const goesOn = next === undefined ||
    (next.minor === 1 && !next.fields.some(([name]) => /^connection$/i.test(name)));
  if (handled.at(-1)?.error !== "" && handled.length > 0) return "";
  return handled.length < requests.length && goesOn ? "left requests unread" : "";
}

Deno.test("tcp: mutated requests are read the same however they are split, and never looser than a strict reader does", async () => {
  using log = captureLog();
  const seen = { read: 0, refused: 0, cut: 0 };
  for (let seed = 10_001; seed <= 11_100; seed++) {
    const random = new Random(seed);
    const texts = pipeline(random).map((made) => made.text);
    const at = random.below(texts.length);
    texts[at] = mutateRequest(random, texts[at]!);
    const text = texts.join("");
    const reading = random.pick(READINGS);
    const [atOnce, ...others] = splits(random, text.length);
    const expected = await serve(seed, text, atOnce!, reading);
    if (reading !== "none") {
      assertEquals(disagreement(text, expected.handled), "", describe(seed, text, atOnce!, reading));
    }
    for (const cuts of others) {
      const served = await serve(seed, text, cuts, reading);
      assertEquals(served, expected, describe(seed, text, cuts, reading));
    }
    for (const { error } of expected.handled) {
      seen[error === "" ? "read" : error === "bad_request" ? "refused" : "cut"]++;
    }
  }
  // No error goes past a connection.
  assertEquals(log.lines, []);
  for (const [kind, count] of Object.entries(seen)) assert(count > 5, `${kind}: ${count} times`);
});

Deno.test("tcp: a request without its last bytes is never taken for a whole one", async () => {
  for (let seed = 20_001; seed <= 20_250; seed++) {
    const random = new Random(seed);
    const made = makeRequest(random);
    const text = made.text.slice(0, random.once(2) ? -1 : random.below(made.text.length));
    for (const cuts of splits(random, text.length)) {
      const { handled } = await serve(seed, text, cuts, "pieces");
      assert(
        handled.length === 0 || handled[0]!.error === "client_gone",
        describe(seed, text, cuts, "pieces"),
      );
    }
  }
});
