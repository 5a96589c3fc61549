// TLS over one connection. The certificate is read from a file, which takes a permission that the other tests lack.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Certificates } from "../../src/downstream/tcp/certificates.ts";
import { TlsSocket } from "../../src/downstream/tcp/tls_socket.ts";
import { ONE } from "../support/certs.ts";
import { e2e, tempFolder } from "../support/process.ts";
import { TRUST } from "../support/tls_proxy.ts";
import { within } from "../support/wire.ts";

const MANY = 60_000_000;
/** More than the buffers of both ends of a connection hold, and far less than what is sent. */
const SOME = 30_000_000;

interface Ends extends Disposable {
  server: TlsSocket;
  client: Deno.TcpConn;
  /** The client's side of TLS; begins the handshake. */
  shake(): Promise<Deno.TlsConn>;
}

async function ends(): Promise<Ends> {
  using folder = tempFolder();
  const [cert, key] = [folder.write("cert.pem", ONE.cert), folder.write("key.pem", ONE.key)];
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [client, accepted] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  const server = new TlsSocket(accepted, new Uint8Array(0), new Certificates([{ cert, key }], ["http/1.1"]));
  let side: Deno.Conn = client;
  return {
    server,
    client,
    async shake() {
      const secure = await Deno.startTls(client, { ...TRUST, hostname: "one.one.one.one" });
      side = secure;
      await Promise.all([secure.handshake(), server.handshake()]);
      return secure;
    },
    [Symbol.dispose]() {
      server.close();
      try {
        side.close();
      } catch { /* by the test */ }
    },
  };
}

/** Resolves when what is counted has not grown for a while. */
async function atRest(count: () => number): Promise<number> {
  for (let before = -1; before !== count();) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return count();
}

e2e("a client that sends more than is read is held up, and nothing is lost", async () => {
  using pair = await ends();
  const { server } = pair;
  const client = await pair.shake();
  let sent = 0;
  const sending = (async () => {
    const bytes = new Uint8Array(60_000);
    while (sent < MANY) sent += await client.write(bytes.fill(sent / bytes.length % 251));
  })();
  const held = await atRest(() => sent);
  assert(held < SOME, `${held} bytes were taken`);
  const into = new Uint8Array(10_000);
  let sum = 0;
  let length = 0;
  for (let n; length < MANY && (n = await server.read(into)) !== null; length += n) {
    for (let i = 0; i < n; i += 1_000) sum += into[i]!;
  }
  await sending;
  assertEquals(length, MANY);
  assert(sum > 0);
});

e2e("a client that reads nothing holds writes up, and closing ends them", async () => {
  using pair = await ends();
  const { server } = pair;
  await pair.shake();
  let written = 0;
  const writing = (async () => {
    const bytes = new Uint8Array(1_000_000);
    for (let at = 0; written < MANY; at %= bytes.length) {
      const n = await server.write(bytes.subarray(at));
      at += n;
      written += n;
    }
  })();
  writing.catch(() => {});
  const held = await atRest(() => written);
  assert(held < SOME, `${held} bytes were written`);
  const end = server.closeWrite();
  server.close();
  await within(assertRejects(() => writing), "the end of the write");
  await within(end.catch(() => {}), "the end of closing");
});

e2e("bytes arrive as they were sent, in pieces of any size", async () => {
  using pair = await ends();
  const { server } = pair;
  const client = await pair.shake();
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const echoing = (async () => {
    for (let size = 1, left = bytes.length * 4; left > 0; size = size * 7 % 70_001) {
      const into = new Uint8Array(size);
      const n = await server.read(into);
      if (n === null) break;
      for (let at = 0; at < n;) at += await server.write(into.subarray(at, n));
      left -= n;
    }
    await server.closeWrite();
  })();
  const received = new Response(client.readable).bytes();
  const writer = client.writable.getWriter();
  for (let i = 0; i < 4; i++) await writer.write(bytes.slice());
  const back = await within(received, "the echo");
  await echoing;
  assertEquals(back.length, bytes.length * 4);
  for (let i = 0; i < 4; i++) {
    assertEquals(
      back.subarray(i * bytes.length, (i + 1) * bytes.length).every((b, at) => b === bytes[at]),
      true,
    );
  }
});

e2e("closing in the middle of a handshake closes the connection and rejects the handshake", async () => {
  for (const begun of [[], [22, 3, 1]]) {
    using pair = await ends();
    const { server, client } = pair;
    await client.write(new Uint8Array(begun));
    const handshake = assertRejects(() => server.handshake());
    server.close();
    await handshake;
    assertEquals(await within(client.read(new Uint8Array(1)).catch(() => null), "the end"), null);
  }
});

e2e("a client that leaves in the middle of a handshake ends it", async () => {
  for (const begun of [[], [22, 3, 1]]) {
    using pair = await ends();
    const { server, client } = pair;
    await client.write(new Uint8Array(begun));
    await client.closeWrite();
    await within(assertRejects(() => server.handshake()), "the end of the handshake");
    assertEquals(await within(client.read(new Uint8Array(1)).catch(() => null), "the end"), null);
  }
});

e2e("closing ends a read, and what comes after it fails as well", async () => {
  using pair = await ends();
  const { server } = pair;
  await pair.shake();
  const read = assertRejects(() => server.read(new Uint8Array(1)));
  server.close();
  await read;
  await assertRejects(() => server.read(new Uint8Array(1)));
  await assertRejects(() => server.write(new Uint8Array(1)));
  await assertRejects(() => server.closeWrite());
});

e2e("when the client has said its last, there is still an answer", async () => {
  using pair = await ends();
  const { server } = pair;
  const client = await pair.shake();
  await client.closeWrite();
  const into = new Uint8Array(8);
  assertEquals(await server.read(into), null);
  assertEquals(await server.write(new Uint8Array([1, 2, 3])), 3);
  await server.closeWrite();
  assertEquals(await client.read(into), 3);
  assertEquals(await client.read(into), null);
});

e2e("a client that disappears ends reads and writes without an uncaught error", async () => {
  using pair = await ends();
  const { server } = pair;
  const client = await pair.shake();
  await server.write(new Uint8Array(100_000));
  // Closing over bytes that were not read resets the connection.
  client.close();
  await server.read(new Uint8Array(1)).catch(() => null);
  await assertRejects(async () => {
    for (;;) await server.write(new Uint8Array(65_536));
  });
});
