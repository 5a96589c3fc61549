/**
 * A client's connection and an upstream's as one.
 *
 * @module
 */
import { messageOf, ProxyError } from "../../http/errors.ts";
import type { Tunnel } from "../front.ts";
import { giveBuffer, takeBuffer } from "./buffers.ts";
import type { ClientConnection } from "./client_connection.ts";

/** When one side has ended, the other gets so long to end as well, in milliseconds. */
const LAST_WORDS = 5_000;

/**
 * Passes bytes both ways until both sides have ended, one of them fails, or neither says anything for `timeout`
 * milliseconds. Then both connections are closed.
 */
export async function joinTunnel(client: ClientConnection, upstream: Tunnel, timeout: number): Promise<void> {
  let rest = timeout;
  let isOver = false;
  const end = (error: ProxyError | null) => {
    if (isOver) return;
    isOver = true;
    client.close();
    upstream.end(error);
  };
  const fail = (thrown: unknown) => {
    const silent = client.isLate && rest === timeout;
    end(
      silent
        ? new ProxyError("client_timeout", `Nothing went through the tunnel for ${timeout} ms`)
        : rest < timeout
        ? null
        : new ProxyError("client_gone", `The tunnel broke: ${messageOf(thrown)}`),
    );
  };
  const passed = (up: number, down: number) => {
    upstream.passed(up, down);
    client.closeAfter(rest);
  };
  const half = () => client.closeAfter(rest = Math.min(timeout, LAST_WORDS));
  client.closeAfter(rest);
  await Promise.all([
    pump((into) => client.readInto(into), (bytes) => upstream.write(bytes), (n) => passed(n, 0))
      .then(() =>
        client.closed ? fail("the client's connection was closed") : upstream.closeWrite().then(half)
      )
      .catch(fail),
    pump((into) => upstream.read(into), (bytes) => client.write(bytes), (n) => passed(0, n))
      .then(() => client.closeWrite().then(half))
      .catch(fail),
  ]);
  end(null);
}

async function pump(
  read: (into: Uint8Array) => Promise<number | null>,
  write: (bytes: Uint8Array) => Promise<void>,
  passed: (n: number) => void,
): Promise<void> {
  const buffer = takeBuffer();
  for (let n; (n = await read(buffer)) !== null;) {
    await write(buffer.subarray(0, n));
    passed(n);
  }
  giveBuffer(buffer);
}
