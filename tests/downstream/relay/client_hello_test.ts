// What a client begins TLS with: read from any number of pieces, and never trusted.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { readClientHello } from "../../../src/downstream/relay/client_hello.ts";
import { clientHello } from "../../support/client_hello.ts";

const HELLOS: [what: string, bytes: Uint8Array<ArrayBuffer>, name: string | undefined][] = [
  ["with a name", clientHello({ name: "a.test" }), "a.test"],
  ["with a name as it is spelled", clientHello({ name: "A.Test" }), "A.Test"],
  ["without a name", clientHello(), undefined],
  ["in records of a byte each", clientHello({ name: "a.test", perRecord: 1 }), "a.test"],
  ["in records that end anywhere", clientHello({ name: "a.test", perRecord: 7 }), "a.test"],
  ["with much else in it", clientHello({ name: "a.test", padding: 9_000 }), "a.test"],
];

for (const [what, bytes, name] of HELLOS) {
  Deno.test(`the beginning of TLS ${what}`, () => {
    assertEquals(readClientHello(bytes), { name });
    // What comes with it is not looked at.
    assertEquals(readClientHello(Uint8Array.of(...bytes, 1, 2, 3)), { name });
    const step = Math.ceil(bytes.length / 300);
    for (let end = 0; end < bytes.length; end += step) {
      assertEquals(readClientHello(bytes.subarray(0, end)), undefined);
    }
  });
}

Deno.test("the name that TLS begins with is what a client of Deno's sends", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const shaking = Deno.startTls(client, { hostname: "one.one.one.one" }).then((conn) => conn.handshake());
  using accepted = await listener.accept();
  const buffer = new Uint8Array(8192);
  const n = await accepted.read(buffer);
  assertEquals(readClientHello(buffer.subarray(0, n!)), { name: "one.one.one.one" });
  accepted.closeWrite();
  await shaking.catch(() => {});
});

const NOT_TLS: [what: string, bytes: number[]][] = [
  ["plain HTTP", [..."GET / HTTP/1.1\r\n\r\n"].map((c) => c.charCodeAt(0))],
  ["an alert", [21, 3, 1, 0, 2, 2, 40]],
  ["another version's record", [22, 2, 1, 0, 4, 1, 0, 0, 0]],
  ["a record of nothing", [22, 3, 1, 0, 0]],
  ["a record that is too long", [22, 3, 1, 0x40, 1, 1]],
  ["another message", [22, 3, 1, 0, 4, 2, 0, 0, 0]],
  ["a message of nothing", [22, 3, 1, 0, 4, 1, 0, 0, 0]],
];

for (const [what, bytes] of NOT_TLS) {
  Deno.test(`not the beginning of TLS: ${what}`, () => {
    assertThrows(() => readClientHello(Uint8Array.from(bytes)), RangeError, "does not begin with TLS");
  });
}

Deno.test("a beginning of TLS with any byte changed gives a name, or is refused, or waited for", () => {
  const good = clientHello({ name: "a.test", perRecord: 30 });
  for (let at = 0; at < good.length; at++) {
    for (const value of [0, 1, 127, 255]) {
      try {
        readClientHello(good.with(at, value));
      } catch (error) {
        assert(error instanceof RangeError, `${at} ${value}: ${error}`);
      }
    }
  }
});
