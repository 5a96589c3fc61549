/**
 * The two fronts hand the request path the same request: wherever both take a message, the origin gets the same one and
 * the client the same answer. Where only one takes it, the table here says so.
 */
import { assert, assertEquals } from "@std/assert";
import { FIELDS, HELLO, request, TE } from "../../support/ambiguous_requests.ts";
import { type TestProxy, testProxy } from "../../support/proxy.ts";
import { Random } from "../../support/random.ts";
import { makeRequest } from "../../support/request_maker.ts";
import { send } from "../../support/send.ts";
import { parseMessage } from "../../support/wire.ts";
import { type WireOrigin, wireOrigin, type WireRequest } from "../../support/wire_origin.ts";

/** What came of a message. */
interface Outcome {
  status: number;
  body: string;
  requests: string[];
}

/** An origin of its own for each front, both of which answer with what they got. */
class Fronts implements AsyncDisposable {
  readonly #origins: WireOrigin[] = [];
  readonly #proxies: TestProxy[] = [];

  constructor() {
    for (const front of ["serve", "tcp"] as const) {
      const origin = wireOrigin(({ line, body }) => {
        const text = `${line} ${body.length} ${body}`.slice(0, 1000);
        // A HEAD is answered without a body, some of the others in chunks.
        if (line.startsWith("HEAD ")) return "HTTP/1.1 203 Yes\r\nX-A: b\r\ncontent-length: 9\r\n\r\n";
        return body.length % 2 === 0
          ? `HTTP/1.1 201 Yes\r\nX-A: b\r\ncontent-length: ${text.length}\r\n\r\n${text}`
          : `HTTP/1.1 202 Yes\r\ntransfer-encoding: chunked\r\n\r\n${
            text.length.toString(16)
          }\r\n${text}\r\n0\r\n\r\n`;
      });
      this.#origins.push(origin);
      this.#proxies.push(testProxy(origin.address, { front }));
    }
  }

  /** What comes of a message at `serve` and at `tcp`. */
  async both(text: string): Promise<[serve: Outcome, tcp: Outcome]> {
    const outcomes = this.#proxies.map(async ({ address }, i): Promise<Outcome> => {
      const { requests } = this.#origins[i]!;
      const from = requests.length;
      const answer = await send(address, text);
      const { status, body } = answer === "" ? { status: 0, body: "" } : parseMessage(answer);
      return { status, body, requests: requests.slice(from).map(meaning) };
    });
    return await Promise.all(outcomes) as [Outcome, Outcome];
  }

  /** All that came to the two origins. */
  get received(): string[] {
    return this.#origins.map(({ received }) => received.join(""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [...this.#proxies, ...this.#origins]) await each[Symbol.asyncDispose]();
  }
}

/** A request without what differs by design: the order of its fields, their spelling, several lines in place of a list. */
function meaning({ line, fields, body }: WireRequest): string {
  const values = new Map<string, string[]>();
  for (const field of fields) {
    const [, name, value] = /^([^:]+):[ \t]*(.*?)[ \t]*$/.exec(field)!;
    const key = name!.toLowerCase();
    // Only `tcp` passes trailers on, and asks for them.
    if (key === "te" || key === "connection" || key === "trailer") continue;
    // Where there is no body, a length of zero says no more than none.
    if (key === "content-length" && value === "0" && /^(GET|HEAD) /.test(line)) continue;
    values.set(key, [...values.get(key) ?? [], value!]);
  }
  // `serve` makes a list of several lines, and leaves out empty ones.
  const members = (list: string[]) => list.join().split(",").map((member) => member.trim()).filter(Boolean);
  const sorted = [...values].map(([name, list]) => `${name}: ${members(list)}`).sort();
  return [line, ...sorted, "", body].join("\n");
}

const REFUSED = 400;
const NO_ANSWER = 0;

/** Messages that both take. */
const SAME: Record<string, string> = {
  "a plain GET": request("GET /a?b", "X: 1"),
  "HEAD": request("HEAD /", "X: 1"),
  "a length": request("POST /", "Content-Length: 5", "hello"),
  "a length of zero": request("POST /", "Content-Length: 0"),
  "a length with zeros in front": request("PUT /", "Content-Length: 0005", "hello"),
  "neither length nor coding": request("POST /", "X: 1"),
  "chunks": request("POST /", TE, HELLO),
  "no chunk": request("POST /", TE, "0\r\n\r\n"),
  "chunks with extensions": request(
    "PATCH /",
    "transfer-encoding: CHUNKED",
    '005 ; a="b"\r\nhello\r\n00;c\r\n\r\n',
  ),
  "GET of length zero": request("GET /", "Content-Length: 0"),
  "DELETE with a body": request("DELETE /", "Content-Length: 5", "hello"),
  "a method of its own": request("m-search /", TE, HELLO),
  "several lines of a field": request("GET /", "X: 1\r\nY: 2\r\nx: 3\r\nX:"),
  "obs-text": request("GET /", "X: \x80\xff\xa0a"),
  "spaces and tabs": request("GET /", "X: \t a \t b \t"),
  "fields of the connection": request(
    "GET /",
    "Keep-Alive: 1\r\nProxy-Connection: a\r\nProxy-Authorization: b",
  ),
  "named fields of the connection":
    `GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: t\r\nX: 1\r\nY: 2\r\nConnection: x, close, host\r\n\r\n`,
  "disguised fields": request(
    "GET /",
    "X_Forwarded_For: 1\r\nContent_Length: 5\r\nX_Y: 1\r\nTransfer_Encoding: chunked",
  ),
  "claims": request(
    "GET /",
    "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nForwarded: for=b\r\nVia: 1.1 c",
  ),
  "Expect": request("POST /", "Expect: x\r\nContent-Length: 5", "hello"),
  "Trailer without trailers": request("POST /", `Trailer: X-T\r\n${TE}`, HELLO),
  "HTTP/1.0": `GET / HTTP/1.0\r\n${FIELDS}\r\n`,
  "HTTP/1.0 with a body": `POST / HTTP/1.0\r\n${FIELDS}Content-Length: 5\r\n\r\nhello`,
  "an absolute target": request("GET http://a/b/../c?d", "X: 1"),
  "an absolute target without path": request("GET http://A:80?b", "X: 1"),
  "OPTIONS *": request("OPTIONS *", "X: 1"),
  "OPTIONS of an absolute target": request("OPTIONS http://a/", "X: 1"),
  "a target that is not normal": request("GET /%7ea/./b/../c%2f{}?{}", "X: 1"),
  "a target beyond ASCII": request("GET /\xc3\xa9?\xc3\xa9", "X: 1"),
  "a target of slashes": request("GET //b//?", "X: 1"),
  "an empty line in front": `\r\n${request("GET /", "X: 1")}`,
};

for (const [what, text] of Object.entries(SAME)) {
  Deno.test(`both fronts forward the same: ${what}`, async () => {
    await using fronts = new Fronts();
    const [serve, tcp] = await fronts.both(text);
    assertEquals(tcp, serve);
    assert(tcp.status > 200 && tcp.status < 204, `status ${tcp.status}`);
    assertEquals(tcp.requests.length, 1);
  });
}

const OK = 201;
const ODD = 202;

/** Messages that only one takes, and the two statuses. */
const DIFFERENT: Record<string, [text: string, serve: number, tcp: number]> = {
  "GET with a body": [request("GET /", "Content-Length: 5", "hello"), REFUSED, ODD],
  "GET with chunks": [request("GET /", TE, HELLO), REFUSED, ODD],
  "GET without any chunk": [request("GET /", TE, "0\r\n\r\n"), REFUSED, OK],
  "HEAD with a body": [request("HEAD /", "Content-Length: 5", "hello"), REFUSED, 203],
  "HTTP/1.0 without Host": ["GET / HTTP/1.0\r\n\r\n", REFUSED, OK],
  "bare LF": [request("GET /", "X: 1").replaceAll("\r\n", "\n"), OK, REFUSED],
  "two equal lengths": [request("POST /", "Content-Length: 2\r\nContent-Length: 2", "ab"), OK, REFUSED],
  "a tab behind a chunk size": [request("POST /", TE, "5\t\r\nhello\r\n0\r\n\r\n"), NO_ANSWER, ODD],
  "a malformed first chunk": [request("POST /", TE, "z\r\n\r\n0\r\n\r\n"), NO_ANSWER, REFUSED],
};

for (const [what, [text, serve, tcp]] of Object.entries(DIFFERENT)) {
  Deno.test(`the fronts differ in whether they take: ${what}`, async () => {
    await using fronts = new Fronts();
    const outcomes = await fronts.both(text);
    assertEquals(outcomes.map(({ status }) => status), [serve, tcp]);
    assertEquals(
      outcomes.map(({ requests }) => requests.length),
      [serve, tcp].map((status) => status > 200 && status < 300 ? 1 : 0),
    );
  });
}

Deno.test("only tcp can tell an absolute target without a path from that of the root", async () => {
  await using fronts = new Fronts();
  const outcomes = await fronts.both(request("OPTIONS http://a", "X: 1"));
  const lines = outcomes.map(({ requests }) => requests[0]?.split("\n")[0]);
  assertEquals(lines, ["OPTIONS / HTTP/1.1", "OPTIONS * HTTP/1.1"]);
});

Deno.test("only tcp passes trailers on", async () => {
  await using fronts = new Fronts();
  const text = request("POST /", `Trailer: X-T\r\n${TE}`, "2\r\nab\r\n0\r\nX-T: 1\r\n\r\n");
  const [serve, tcp] = await fronts.both(text);
  assertEquals(tcp, serve);
  assertEquals(fronts.received.map((bytes) => /trailer: x-t\r\n[^]*X-T: 1\r\n\r\n$/i.test(bytes)), [
    false,
    true,
  ]);
});

Deno.test("both fronts forward the same of random valid requests", async () => {
  await using fronts = new Fronts();
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Random(seed);
    const { text, method, body } = makeRequest(random, { plain: true });
    // Each is known by its id, and the last of its connection.
    const closing = text.replace("\r\n", "\r\nX-Request-Id: t\r\nConnection: close\r\n");
    const [serve, tcp] = await fronts.both(closing);
    const what = `seed ${seed}: ${JSON.stringify(text.slice(0, 600))}`;
    assertEquals(tcp.requests.length, 1, what);
    const isRefusedByServe = (/^(GET|HEAD)$/.test(method) && body !== null && serve.status === REFUSED) ||
      (/^[0-9a-f]+\t\r$/im.test(text) && serve.status !== tcp.status);
    if (isRefusedByServe) continue;
    assertEquals(tcp, serve, what);
  }
});
