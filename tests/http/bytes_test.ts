import { assertEquals } from "@std/assert";
import { byteString } from "../../src/http/bytes.ts";

Deno.test("a byte string has a character for every byte, whatever the bytes and however many", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assertEquals([...byteString(all, 0, 256)].map((c) => c.charCodeAt(0)), [...all]);
  assertEquals(byteString(all, 65, 70), "ABCDE");
  const many = new Uint8Array(1_000_000).fill(0x80);
  assertEquals(byteString(many, 0, many.length), "\x80".repeat(1_000_000));
});
