import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/http/errors.ts";
import { httpCheck, type HttpCheckOptions } from "../../src/balance/http_check.ts";
import type { Peer } from "../../src/upstream/peer.ts";
import { CA, ONE } from "../support/certs.ts";
import { cannedOrigin, deadAddress, rawOrigin } from "../support/origin.ts";
import { tlsOrigin } from "../support/tls_origin.ts";
import { chunked, responseText, within } from "../support/wire.ts";

const NEVER = new AbortController().signal;

async function verdict(options: HttpCheckOptions, peer: Peer, signal = NEVER): Promise<string> {
  try {
    await within(httpCheck(options)(peer, signal), "the check");
    return "passes";
  } catch (error) {
    assert(error instanceof ProxyError, String(error));
    return error.message;
  }
}

const STATUSES: [status: string, expect: string | undefined, verdict: string][] = [
  ["200 OK", undefined, "passes"],
  ["302 Found", undefined, "passes"],
  ["404 Not Found", undefined, "HTTP 404, expected 200-399"],
  ["503 Service Unavailable", undefined, "HTTP 503, expected 200-399"],
  ["200 OK", "204, 300-308", "HTTP 200, expected 204, 300-308"],
  ["301 Moved", "204, 300-308", "passes"],
  ["204 No Content", "204", "passes"],
];
for (const [status, expect, expected] of STATUSES) {
  Deno.test(`an answer of ${status} where ${expect ?? "the default"} is expected: ${expected}`, async () => {
    await using origin = cannedOrigin(responseText("", "", status));
    assertEquals(
      await verdict(expect === undefined ? {} : { expect }, { address: origin.address }),
      expected,
    );
  });
}

const BODIES: [body: string, wanted: string | RegExp, verdict: string][] = [
  ["all is well", "well", "passes"],
  ["all is lost", "well", "body does not match"],
  ["ready: 5", /^ready: \d$/, "passes"],
  ["", /./, "body does not match"],
  ["ü", "ü", "passes"],
  [`${"x".repeat(64 * 1024 - 4)}here`, "here", "passes"],
  [`${"x".repeat(64 * 1024 - 3)}here`, "here", "body does not match"],
];
for (const [i, [body, wanted, expected]] of BODIES.entries()) {
  Deno.test(`a body where ${wanted} is expected, case ${i + 1}: ${expected}`, async () => {
    const bytes = String.fromCharCode(...new TextEncoder().encode(body));
    await using plain = cannedOrigin(responseText(bytes));
    assertEquals(await verdict({ body: wanted }, { address: plain.address }), expected);
    const pieces = bytes === "" ? [] : [bytes];
    await using other = cannedOrigin(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(pieces)}`,
    );
    assertEquals(await verdict({ body: wanted }, { address: other.address }), expected);
  });
}

Deno.test("a pattern that remembers where it was matches every time", async () => {
  await using origin = cannedOrigin(responseText("well"));
  const check = httpCheck({ body: /well/g });
  for (let i = 0; i < 3; i++) await check({ address: origin.address }, NEVER);
});

Deno.test("the request is as asked for, on a connection that is closed after it", async () => {
  const heads: string[] = [];
  const closed: number[] = [];
  await using origin = rawOrigin(async (connection) => {
    heads.push(await connection.readHead() ?? "");
    await connection.write(responseText("ok"));
    await connection.closed();
    closed.push(connection.number);
  });
  const { address } = origin;
  const [dead] = [deadAddress()];
  const port = Number(address.split(":")[1]);
  assertEquals(await verdict({}, { address }), "passes");
  assertEquals(await verdict({ method: "POST", path: "/up?a=1", host: "a.test" }, { address }), "passes");
  assertEquals(await verdict({ port, method: "HEAD" }, { address: dead }), "passes");
  await within(
    (async () => {
      while (closed.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    })(),
    "the connections to close",
  );
  assertEquals(heads.map((head) => head.split("\r\n").slice(0, 2).join(" | ")), [
    `GET / HTTP/1.1 | host: ${address}`,
    "POST /up?a=1 HTTP/1.1 | host: a.test",
    `HEAD / HTTP/1.1 | host: ${address}`,
  ]);
  assert(heads.every((head) => head.includes("connection: close\r\n")), heads.join(""));
  assert(heads[1]!.includes("content-length: 0\r\n"), heads[1]!);
});

Deno.test("TLS is spoken as with the peer, or as said, or not at all", async () => {
  await using origin = tlsOrigin(ONE);
  const { address } = origin;
  const tls = { serverName: "one.one.one.one", caCerts: [CA] };
  assertEquals(await verdict({}, { address, tls }), "passes");
  assertEquals(await verdict({ tls }, { address }), "passes");
  const wrong = await verdict({ tls: { ...tls, serverName: "other.test" } }, { address, tls });
  assert(wrong.includes("certificate"), wrong);
  await using plain = cannedOrigin(responseText("ok"));
  assertEquals(await verdict({ tls: false }, { address: plain.address, tls }), "passes");
});

Deno.test("where nobody listens, and what is no HTTP, fails and says so", async () => {
  const dead = deadAddress();
  const refused = await verdict({}, { address: dead });
  assert(refused.startsWith(`${dead}: ConnectionRefused`), refused);
  await using origin = cannedOrigin("SSH-2.0-x\r\n\r\n");
  const error = await verdict({}, { address: origin.address });
  assertEquals(error, "Cannot read the upstream's response: it does not begin with HTTP/1.");
  await using silent = rawOrigin(async (connection) => void await connection.readHead());
  assertEquals(
    await verdict({}, { address: silent.address }),
    `${silent.address} closed the connection before the response's head`,
  );
});

for (
  const [what, text] of [["answer", ""], ["body's end", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"]]
) {
  Deno.test(`a check that waits for the ${what} ends with its signal, and closes its connection`, async () => {
    const stopping = new AbortController();
    const closed = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(text!);
      stopping.abort(new ProxyError("connect_timeout", "its time is over"));
      await connection.closed();
      closed.resolve();
    });
    const peer = { address: origin.address };
    assertEquals(await verdict({ body: "x" }, peer, stopping.signal), "its time is over");
    await within(closed.promise, "the connection to close");
  });
}

Deno.test("it has two seconds, or the time that it is given", () => {
  assertEquals([httpCheck().timeout, httpCheck({ timeout: 5 }).timeout], [2_000, 5]);
});

Deno.test("options that cannot be used are refused", async () => {
  for (
    const options of [
      { method: "G T" },
      { path: "up" },
      { path: "/a b" },
      { path: "/\r\nx: y" },
      { expect: "ok" },
      { expect: "399-200" },
      { expect: "" },
      { expect: "200-" },
      { method: "HEAD", body: "x" },
    ]
  ) assertThrows(() => httpCheck(options), RangeError);
  await assertRejects(() => httpCheck({ port: 1 })({ address: "unix:/x" }, NEVER), RangeError);
});
