/**
 * Origins that know how many connections are open.
 *
 * @module
 */
import { type Origin, rawOrigin } from "./origin.ts";
import { until } from "./until.ts";

/** An origin that counts. */
export interface CountingOrigin extends Origin {
  /** Connections open now. */
  readonly open: number;
  /** Resolves when no more connections are open than `idle` says; fails when that takes long. */
  settled(idle: () => number): Promise<void>;
}

/** Answers every request, with its body read to the end of its chunks, with the same bytes. */
export function countingOrigin(response: string): CountingOrigin {
  let open = 0;
  const origin = rawOrigin(async (connection) => {
    open++;
    try {
      for (let head; (head = await connection.readHead()) !== null;) {
        if (
          head.includes("chunked") && !await connection.readUntil("0\r\n\r\n", connection.received.length - 7)
        ) return;
        await connection.write(response);
      }
    } finally {
      open--;
    }
  });
  return {
    address: origin.address,
    get connections() {
      return origin.connections;
    },
    get open() {
      return open;
    },
    settled: (idle) => until("every connection that is open is an idle one", () => open === idle()),
    [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
  };
}
