/**
 * Origins that know how many requests they have at a time.
 *
 * @module
 */
import { type Origin, rawOrigin } from "./origin.ts";
import { until } from "./until.ts";
import { responseText } from "./wire.ts";

/** An origin that counts its requests. */
export interface BusyOrigin extends Origin {
  /** Requests that it has and did not answer yet. */
  readonly now: number;
  /** The most that it ever had at a time. */
  readonly most: number;
  /** The targets of all requests that it got, in order. */
  readonly targets: readonly string[];
  /** Resolves when it got so many requests. */
  got(n: number): Promise<void>;
  /** Lets the oldest request that is held be answered. */
  release(): void;
  /** Holds no request any more. */
  releaseAll(): void;
}

/** Answers with `body`: each request a moment later, or when it is released. */
export function busyOrigin(
  body: string,
  { held = false, status = "200 OK" }: { held?: boolean; status?: string } = {},
): BusyOrigin {
  let now = 0;
  let most = 0;
  const targets: string[] = [];
  const holding: (() => void)[] = [];
  const origin = rawOrigin(async (connection) => {
    for (let head; (head = await connection.readHead()) !== null;) {
      most = Math.max(most, ++now);
      targets.push(head.split(" ")[1]!);
      // A moment of work, so that requests overlap.
      await new Promise<void>((resolve) => held ? holding.push(resolve) : setTimeout(resolve, 1));
      now--;
      await connection.write(responseText(body, "", status));
    }
  });
  const release = () => holding.shift()?.();
  return {
    address: origin.address,
    get connections() {
      return origin.connections;
    },
    get now() {
      return now;
    },
    get most() {
      return most;
    },
    targets,
    got: (n) => until(`the origin has got ${n} requests`, () => targets.length >= n),
    release,
    releaseAll() {
      held = false;
      while (holding.length > 0) release();
    },
    async [Symbol.asyncDispose]() {
      while (holding.length > 0) release();
      await origin[Symbol.asyncDispose]();
    },
  };
}
