/**
 * Traffic beside a test.
 *
 * @module
 */
import type { RawConnection } from "./origin.ts";
import { rawClient } from "./proxy.ts";

/** What became of the requests. */
export interface BackgroundLoad extends AsyncDisposable {
  /** Answers that were as expected. */
  readonly good: number;
  /** What was wrong with the others. */
  readonly failures: readonly string[];
  /** Stops after the answers that are due. */
  stop(): Promise<void>;
}

const CONNECTIONS = 5;

/** Sends about `rate` requests a second to `address`; all of the answer has to end with `expected`. */
export function backgroundLoad(address: string, expected: string, rate = 500): BackgroundLoad {
  const failures: string[] = [];
  let good = 0;
  let stopped = false;
  const started = performance.now();
  const work = Array.from({ length: CONNECTIONS }, async (_, lane) => {
    let client: (RawConnection & Disposable) | undefined;
    for (let sent = 0; !stopped; sent++) {
      const due = started + (sent * CONNECTIONS + lane) * 1_000 / rate;
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      client ??= await rawClient(address);
      const from = client.received.length;
      await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      const whole = await client.readUntil(expected, from);
      if (whole && client.received.startsWith("HTTP/1.1 200", from)) good++;
      else {
        failures.push(client.received.slice(from));
        client.close();
        client = undefined;
      }
      if (client !== undefined && client.received.length > 100_000) {
        client.close();
        client = undefined;
      }
    }
    client?.close();
  });
  const stop = async () => {
    stopped = true;
    await Promise.all(work);
  };
  return {
    get good() {
      return good;
    },
    failures,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
