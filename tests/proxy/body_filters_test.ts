import { assert, assertEquals } from "@std/assert";
import { FILTERS } from "../support/filters.ts";
import { FRONTS, onBothFronts, SERVE } from "../support/fronts.ts";
import { cannedOrigin, type Origin, rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { chunked, letters, parseMessage, postText, requestText, responseText } from "../support/wire.ts";
import type { FilteredChunk } from "../../src/mod.ts";

const GET = requestText("GET", "/");
const SMALL = letters(12);
const GATHERED = letters(100_000);
/** More than is gathered. */
const LARGE = letters(400_000);
const PIECES = Array.from({ length: 20 }, (_, i) => LARGE.slice(i * 20_000, (i + 1) * 20_000));
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/** Calls of a body filter, as lengths. */
class Calls {
  readonly ends: boolean[] = [];
  #over = false;

  count(chunk: Uint8Array | null, end: boolean): void {
    assert(!this.#over, "a filter is not called after the end");
    assert(chunk === null || chunk.length > 0, "a filter is not called with nothing");
    assert(chunk !== null || end, "only the end has no chunk");
    this.#over = end;
    this.ends.push(end);
  }

  /** Whether `end` was true once, in the last call. */
  get ended(): boolean {
    return this.ends.filter((end) => end).length === 1 && this.ends.at(-1) === true;
  }
}

async function soon(value: FilteredChunk): Promise<FilteredChunk> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  return value;
}

const RESPONSES: { name: string; response: string; body: string; close?: boolean; framing: string[] }[] = [
  { name: "a small body", response: responseText(SMALL), body: SMALL, framing: ["length"] },
  { name: "an empty body", response: responseText(""), body: "", framing: ["length"] },
  {
    name: "a small chunked body",
    response: CHUNKED + chunked(["ab", "cab"]),
    body: "abcab",
    framing: ["length", "chunked"],
  },
  // On a slow machine it is not gathered in time, and streamed.
  {
    name: "a gathered body",
    response: responseText(GATHERED),
    body: GATHERED,
    framing: ["length", "chunked"],
  },
  { name: "a streamed body", response: responseText(LARGE), body: LARGE, framing: ["chunked"] },
  { name: "a streamed chunked body", response: CHUNKED + chunked(PIECES), body: LARGE, framing: ["chunked"] },
  {
    name: "a body until the close",
    response: `HTTP/1.1 200 OK\r\n\r\n${GATHERED}`,
    body: GATHERED,
    close: true,
    framing: ["chunked"],
  },
];

function respondingOrigin(response: string, close = false): Origin {
  return close
    ? rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(response);
    })
    : cannedOrigin(response);
}

for (const { name: what, response, body, close, framing } of RESPONSES) {
  for (const later of [false, true]) {
    onBothFronts(
      `the client gets what a response body filter makes of ${what}${later ? ", later" : ""}`,
      async (front, t) => {
        for (const { name, make, result } of FILTERS) {
          await t.step(name, async () => {
            await using origin = respondingOrigin(response, close);
            const filter = make();
            const calls = new Calls();
            await using proxy = testProxy({
              upstreamPeer: () => ({ address: origin.address }),
              responseBodyFilter(_session, chunk, end) {
                calls.count(chunk, end);
                return later ? soon(filter(chunk, end)) : filter(chunk, end);
              },
            }, { front });
            const answer = parseMessage(await send(proxy.address, GET));
            const entry = await proxy.ended(1);
            assert(
              answer.body === result(body),
              `${answer.body.length} bytes came of ${result(body).length}`,
            );
            assert(answer.complete, "the client can see that it has everything");
            assert(framing.includes(answer.framing), `framed by ${answer.framing}`);
            assert(calls.ended, `ends: ${calls.ends}`);
            assertEquals([entry.status, entry.bytesSent, entry.flag], [200, answer.body.length, "-"]);
          });
        }
      },
      later ? SERVE : FRONTS,
    );
  }
}

const REQUESTS: { name: string; body: string; framing: "length" | "chunked" }[] = [
  { name: "a small body", body: SMALL, framing: "length" },
  { name: "a small chunked body", body: SMALL, framing: "chunked" },
  { name: "100 KB", body: GATHERED, framing: "length" },
  { name: "400 KB", body: LARGE, framing: "length" },
  { name: "400 KB in chunks", body: LARGE, framing: "chunked" },
];

for (const { name: what, body, framing } of REQUESTS) {
  for (const later of [false, true]) {
    onBothFronts(
      `the origin gets what a request body filter makes of ${what}${later ? ", later" : ""}`,
      async (front, t) => {
        for (const { name, make, result } of FILTERS) {
          await t.step(name, async () => {
            let received = "";
            await using origin = rawOrigin(async (connection) => {
              const head = await connection.readHead();
              // The filters make letters, so that this is the last chunk.
              await connection.readUntil("\r\n0\r\n\r\n", head!.length - 2);
              received = connection.received;
              await connection.write(responseText("thanks"));
              await connection.closed();
            });
            const filter = make();
            const calls = new Calls();
            await using proxy = testProxy({
              upstreamPeer: () => ({ address: origin.address }),
              requestBodyFilter(_session, chunk, end) {
                calls.count(chunk, end);
                return later ? soon(filter(chunk, end)) : filter(chunk, end);
              },
            }, { front });
            const { status } = parseMessage(await send(proxy.address, postText(body, framing)));
            const entry = await proxy.ended(1);
            const request = parseMessage(received);
            assertEquals([status, request.framing, request.complete], [200, "chunked", true]);
            assert(
              request.body === result(body),
              `${request.body.length} bytes came of ${result(body).length}`,
            );
            assertEquals(request.fields.some(([field]) => field === "content-length"), false);
            assert(calls.ended, `ends: ${calls.ends}`);
            assertEquals(entry.bytesReceived, body.length);
          });
        }
      },
      later ? SERVE : FRONTS,
    );
  }
}

const BODILESS: { name: string; request?: string; response: string }[] = [
  {
    name: "HEAD",
    request: requestText("HEAD", "/"),
    response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
  },
  { name: "204", response: "HTTP/1.1 204 No Content\r\n\r\n" },
  { name: "205", response: responseText("", "", "205 Reset Content") },
  { name: "304", response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" },
  { name: "a POST of length 0", request: postText(""), response: "HTTP/1.1 204 No Content\r\n\r\n" },
  { name: "a DELETE", request: requestText("DELETE", "/"), response: "HTTP/1.1 204 No Content\r\n\r\n" },
];

for (const { name, request = GET, response } of BODILESS) {
  onBothFronts(`no body filter is called for ${name}`, async (front) => {
    await using origin = cannedOrigin(response);
    let calls = 0;
    await using proxy = testProxy({
      upstreamPeer: () => ({ address: origin.address }),
      requestBodyFilter: () => void calls++,
      responseBodyFilter: () => void calls++,
    }, { front });
    const text = await send(proxy.address, request);
    await proxy.ended(1);
    assertEquals([calls, text.slice(text.indexOf("\r\n\r\n"))], [0, "\r\n\r\n"]);
    // Deno.serve would leave the client waiting for the body of a 205.
    const sent = name === "205" && front === "serve" ? 204 : Number(response.slice(9, 12));
    assertEquals(parseMessage(text).status, sent);
  });
}
