import { assert, assertEquals } from "@std/assert";
import {
  clientFrame,
  closePayload,
  closeReason,
  Opcode,
  WebSocketReader,
} from "../../src/http/websocket_frames.ts";
import { serverFrame } from "../support/websocket.ts";

/** Reads text, `step` bytes at a time. */
function readerOf(text: string, maxMessage: number, step: number): WebSocketReader {
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  let at = 0;
  return new WebSocketReader((into) => {
    const n = Math.min(step, into.length, bytes.length - at);
    into.set(bytes.subarray(at, at + n));
    at += n;
    return Promise.resolve(n === 0 ? null : n);
  }, maxMessage);
}

/** What a frame of a client holds, masked no more. */
function unmasked(frame: Uint8Array): Uint8Array {
  const length = frame[1]! & 127;
  const start = 2 + (length === 126 ? 2 : length === 127 ? 8 : 0);
  return frame.subarray(start + 4).map((byte, i) => byte ^ frame[start + (i & 3)]!);
}

for (const step of [1, 2, 7, 1000, 16_384]) {
  Deno.test(`messages, fragments and control frames are told apart when ${step} bytes come at a time`, async () => {
    const long = "l".repeat(70_000);
    const reader = readerOf(
      serverFrame(1, "a", false) + serverFrame(0, "", false) + serverFrame(9, "p") +
        serverFrame(0, "bc", false) +
        serverFrame(0, "") + serverFrame(2, "") + serverFrame(2, long) +
        serverFrame(1, long.slice(1), false) +
        serverFrame(0, "!") + serverFrame(8, "") + "\x81",
      70_000,
      step,
    );
    const got: unknown[] = [];
    for (let message; (message = await reader.next()) !== null;) {
      got.push([message.opcode, new TextDecoder("latin1").decode(message.payload)]);
    }
    assertEquals(got, [
      [Opcode.ping, "p"],
      [Opcode.text, "abc"],
      [Opcode.binary, ""],
      [Opcode.binary, long],
      [Opcode.text, `${long.slice(1)}!`],
      [Opcode.close, ""],
    ]);
  });
}

Deno.test("a message of many small fragments takes no more room than it may", async () => {
  const count = 20_000;
  const text = serverFrame(1, "", false) +
    (serverFrame(0, "x", false) + serverFrame(0, "", false)).repeat(count);
  const { payload } = (await readerOf(text + serverFrame(0, ""), count, 16_384).next())!;
  assertEquals(payload.length, count);
  assert(payload.buffer.byteLength <= count, `${payload.buffer.byteLength} bytes`);
});

Deno.test("frames of a client are masked, each by a mask of its own", () => {
  const masks = new Set<string>();
  for (const length of [0, 1, 3, 4, 5, 125, 126, 127, 65_535, 65_536]) {
    const payload = Uint8Array.from({ length }, (_, i) => i * 31);
    const frame = clientFrame(Opcode.binary, payload);
    assertEquals([frame[0], frame[1]! & 128], [0x82, 128]);
    assertEquals(unmasked(frame), payload);
    const head = frame.length - length;
    masks.add(frame.subarray(head - 4, head).join());
  }
  assertEquals(masks.size, 10);
});

Deno.test("a reason that is too long for a close frame is cut between two characters", () => {
  const { code, reason } = closeReason(closePayload(1011, "ü".repeat(100)));
  assertEquals([code, reason], [1011, "ü".repeat(61)]);
});
