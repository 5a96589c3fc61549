import { assertEquals } from "@std/assert";
import { Handshake } from "../../../src/downstream/relay/handshake.ts";

const record = (
  type: number,
  length: number,
) => [type, 3, 3, length >> 8, length & 255, ...new Uint8Array(length)];
const [CHANGE, ALERT, HANDSHAKE, DATA] = [20, 21, 22, 23] as const;

const OVER: Record<string, number[][]> = {
  "of TLS 1.3": [record(HANDSHAKE, 300), record(CHANGE, 1), record(DATA, 53)],
  "of TLS 1.3, with a second hello": [
    record(HANDSHAKE, 300),
    record(CHANGE, 1),
    record(HANDSHAKE, 280),
  ],
  "of TLS 1.2": [record(HANDSHAKE, 300), record(HANDSHAKE, 70), record(CHANGE, 1), record(HANDSHAKE, 40)],
  "with a hello in two records": [record(HANDSHAKE, 4), record(HANDSHAKE, 300), record(DATA, 53)],
};

for (const [what, records] of Object.entries(OVER)) {
  Deno.test(`a handshake ${what} is over with the last byte of its last record, however it is split`, () => {
    const bytes = new Uint8Array(records.flat());
    for (const size of [1, 2, 3, 4, 5, 6, 7, 50, 305, 1_000]) {
      const handshake = new Handshake();
      for (let at = 0; at < bytes.length; at += size) {
        assertEquals(handshake.isOver, false);
        handshake.see(bytes.subarray(at, Math.min(at + size, bytes.length - 1)));
      }
      assertEquals(handshake.isOver, false);
      handshake.see(bytes.subarray(-1));
      assertEquals(handshake.isOver, true);
    }
  });
}

const UNDER_WAY: Record<string, number[][]> = {
  "messages of it": [record(HANDSHAKE, 300), record(HANDSHAKE, 70)],
  "the change to ciphers": [record(HANDSHAKE, 300), record(CHANGE, 1), record(CHANGE, 1)],
  "an alert": [record(HANDSHAKE, 300), record(ALERT, 2)],
  "half a record of data": [record(HANDSHAKE, 300), record(DATA, 53).slice(0, -1)],
};

for (const [what, records] of Object.entries(UNDER_WAY)) {
  Deno.test(`a handshake is not over with ${what}`, () => {
    const handshake = new Handshake();
    handshake.see(new Uint8Array(records.flat()));
    assertEquals(handshake.isOver, false);
  });
}
