/**
 * A client's connection and an upstream's as one.
 *
 * @module
 */
import { messageOf, ProxyError } from "../../http/errors.ts";
import type { Tunnel } from "../front.ts";
import { giveBuffer, takeBuffer } from "./buffers.ts";
import type { ClientSocket } from "./client_socket.ts";

/** When one side has ended, the other gets so long to end as well, in milliseconds. */
const LAST_WORDS = 5_000;
/** While less than this comes at a time, a direction holds no larger buffer: most tunnels are silent most of the time. */
const SMALL = 8 * 1024;

/** One of the two. */
type End = Pick<Tunnel, "readInto" | "write" | "closeWrite">;

/**
 * Passes bytes both ways until both sides have ended, one of them fails, or neither says anything for `timeout`
 * milliseconds. Then both connections are closed.
 */
export async function joinTunnel(client: ClientSocket, upstream: Tunnel, timeout: number): Promise<void> {
  let rest = timeout;
  let isHalf = false;
  let isOver = false;
  /** When one side has ended, it is no failure how the other does. */
  const end = (error: ProxyError | null) => {
    if (isOver) return;
    isOver = true;
    // In this order: to a request that is not over, the closing would be its client's leaving.
    upstream.end(isHalf ? null : error);
    client.close();
  };
  const fail = (side: End, thrown: unknown) => {
    const [type, name] = side === client
      ? ["client_gone", "client"] as const
      : ["upstream_closed", "upstream"] as const;
    end(new ProxyError(type, `The ${name} broke the tunnel off: ${messageOf(thrown)}`));
  };
  const pump = async (from: End, to: End, passed: (n: number) => void) => {
    let side = from;
    try {
      const small = new Uint8Array(SMALL);
      let buffer = small;
      for (let n; (n = await from.readInto(buffer)) !== null;) {
        side = to;
        await to.write(buffer.subarray(0, n));
        side = from;
        passed(n);
        client.closeAfter(rest);
        if (buffer === small) {
          if (n === SMALL) buffer = takeBuffer();
        } else if (n < SMALL) {
          giveBuffer(buffer);
          buffer = small;
        }
      }
      giveBuffer(buffer);
      if (from === client && client.isBroken) throw new Error("its connection was reset");
      side = to;
      await to.closeWrite();
      isHalf = true;
      client.closeAfter(rest = Math.min(timeout, LAST_WORDS));
    } catch (error) {
      fail(side, error);
    }
  };
  client.onLate = () =>
    end(new ProxyError("client_timeout", `Nothing went through the tunnel for ${timeout} ms`));
  client.closeAfter(rest);
  await Promise.all([
    pump(client, upstream, (n) => upstream.passed(n, 0)),
    pump(upstream, client, (n) => upstream.passed(0, n)),
  ]);
  end(null);
}
