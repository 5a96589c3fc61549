import { assert, assertEquals } from "@std/assert";
import { testProxy } from "../../support/proxy.ts";
import { switchText, tunnelOrigin, upgradeText } from "../../support/tunnel.ts";
import { until } from "../../support/until.ts";
import { within } from "../../support/wire.ts";

const MB = 1024 * 1024;
/** A piece that repeats, of a length that no buffer's is a multiple of. */
const PIECE = Uint8Array.from({ length: 99_991 }, (_, i) => (i * i + (i >> 3)) & 255);

/** Writes so many bytes of the pieces one after the other. */
async function pour(conn: Deno.Conn, length: number, wrote?: (n: number) => void): Promise<void> {
  for (let sent = 0; sent < length;) {
    const from = sent % PIECE.length;
    const n = await conn.write(PIECE.subarray(from, Math.min(PIECE.length, from + length - sent)));
    sent += n;
    wrote?.(n);
  }
}

/** Reads to the end; how many bytes came, or where they were other than those of {@linkcode pour}. */
async function drink(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(PIECE.length);
  let got = 0;
  for (;;) {
    const from = got % PIECE.length;
    const n = await conn.read(buffer.subarray(from));
    if (n === null) return `${got} bytes`;
    for (let i = from; i < from + n; i++) {
      if (buffer[i] !== PIECE[i]) return `another byte at ${got + i - from}`;
    }
    got += n;
  }
}

async function readHead(conn: Deno.Conn): Promise<void> {
  const byte = new Uint8Array(1);
  for (let seen = ""; !seen.endsWith("\r\n\r\n");) {
    if (await conn.read(byte) === null) throw new Error("no head");
    seen += String.fromCharCode(byte[0]!);
  }
}

/** A client's end and an upstream's of one tunnel. */
async function ends() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const proxy = testProxy(`127.0.0.1:${(listener.addr as Deno.NetAddr).port}`, { front: "tcp" });
  const [hostname, port] = proxy.address.split(":") as [string, string];
  const client = await Deno.connect({ hostname, port: Number(port) });
  const text = new TextEncoder();
  await client.write(text.encode(upgradeText()));
  const upstream = await listener.accept();
  await readHead(upstream);
  await upstream.write(text.encode(switchText()));
  await readHead(client);
  return {
    client,
    upstream,
    proxy,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const end of [client, upstream]) {
        try {
          end.close();
        } catch { /* closed already */ }
      }
      await proxy[Symbol.asyncDispose]();
    },
  };
}

Deno.test("50 MB each way at once arrive as they were sent, and are counted", async () => {
  await using tunnel = await ends();
  const { client, upstream, proxy } = tunnel;
  const send = async (conn: Deno.Conn, length: number) => {
    await pour(conn, length);
    await conn.closeWrite();
  };
  const [, , down, up] = await within(
    Promise.all([send(client, 50 * MB), send(upstream, 50 * MB + 1), drink(client), drink(upstream)]),
    "100 MB",
    60_000,
  );
  assertEquals([up, down], [`${50 * MB} bytes`, `${50 * MB + 1} bytes`]);
  const { flag, bytesReceived, bytesSent } = await within(proxy.ended(1), "the tunnel's end");
  assertEquals([flag, bytesReceived, bytesSent], ["-", 50 * MB, 50 * MB + 1]);
});

for (const [slow, fast] of [["client", "upstream"], ["upstream", "client"]] as const) {
  Deno.test(`when the ${slow} stops reading, the ${fast} has to stop writing; the proxy holds no more than the sockets do`, async () => {
    await using tunnel = await ends();
    const all = 256 * MB;
    let wrote = 0;
    const pouring = pour(tunnel[fast], all, (n) => wrote += n).then(() => tunnel[fast].closeWrite());
    // It has stopped when for some time nothing could be written any more.
    for (let before = -1; wrote !== before;) {
      before = wrote;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert(wrote > 0 && wrote < all / 2, `${wrote} bytes were taken`);
    // The other direction is not held up.
    await tunnel[slow].write(new Uint8Array([7]));
    const byte = new Uint8Array(1);
    assertEquals([await within(tunnel[fast].read(byte), "a byte"), byte[0]], [1, 7]);
    tunnel[slow].close();
    await within(pouring.catch(() => {}), "the end of the writing");
    await within(tunnel.proxy.ended(1), "the tunnel's end");
  });
}

Deno.test("pieces of all sizes, each sent when the one before is back, come back whole", async () => {
  await using origin = tunnelOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const [hostname, port] = proxy.address.split(":") as [string, string];
  using client = await Deno.connect({ hostname, port: Number(port) });
  await client.write(new TextEncoder().encode(upgradeText()));
  await readHead(client);
  const back = new Uint8Array(PIECE.length);
  for (const size of [1, 2, 125, 126, 127, 4095, 4096, 4097, 32_768, 65_535, 65_536, 65_537, 99_991]) {
    const piece = PIECE.subarray(0, size);
    let got = 0;
    const [, whole] = await Promise.all([
      (async () => {
        for (let at = 0; at < size;) at += await client.write(piece.subarray(at));
      })(),
      (async () => {
        while (got < size) got += await client.read(back.subarray(got)) ?? Infinity;
        return back.subarray(0, got);
      })(),
    ]);
    assertEquals(whole.length, size);
    assert(whole.every((byte, i) => byte === piece[i]), `${size} bytes`);
  }
  await client.closeWrite();
  await until("the tunnel is over", () => proxy.entries.length === 1);
});
