/**
 * Proxies under test, and clients that talk to them in bytes.
 *
 * @module
 */
import {
  type AccessEntry,
  type Counters,
  type ListenerOptions,
  type Peer,
  type ProxyModule,
  startProxy,
} from "../../src/mod.ts";
import { RawConnection } from "./origin.ts";

/** A proxy on a free port; disposing it stops it at once. */
export interface TestProxy extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** Its counts. */
  readonly counters: Counters;
  /** Upstream connections open and unused. */
  readonly idleConnections: number;
  /** Requests that are over, in order. */
  readonly entries: AccessEntry[];
  /** Resolves with the nth (from 1) request that is over. */
  ended(n: number): Promise<AccessEntry>;
}

/**
 * Starts a proxy. A string stands for a module that sends everything to that address.
 *
 * @param listener How it listens, beside what the module says.
 */
export function testProxy(module: ProxyModule | string, listener: ListenerOptions = {}): TestProxy {
  const peer: Peer | undefined = typeof module === "string" ? { address: module } : undefined;
  const entries: AccessEntry[] = [];
  const waiting: { n: number; resolve: (entry: AccessEntry) => void }[] = [];
  const running = startProxy(peer ? { upstreamPeer: () => peer } : module as ProxyModule, {
    listen: "127.0.0.1:0",
    listener,
    onEnd(entry) {
      entries.push(entry);
      for (const { n, resolve } of waiting) if (entries.length >= n) resolve(entries[n - 1]!);
    },
  });
  return {
    address: running.address,
    url: `http://${running.address}`,
    counters: running.counters,
    get idleConnections() {
      return running.idleConnections;
    },
    entries,
    ended: (n) =>
      new Promise((resolve) => {
        if (entries.length >= n) resolve(entries[n - 1]!);
        else waiting.push({ n, resolve });
      }),
    async [Symbol.asyncDispose]() {
      await running.stop(0);
    },
  };
}

/** A connection of a client to `address`. */
export async function rawClient(address: string): Promise<RawConnection & Disposable> {
  const [hostname, port] = address.split(":") as [string, string];
  const client = new RawConnection(await Deno.connect({ hostname, port: Number(port) }), 0);
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

/** Sends bytes on a new connection and gives back everything until the other side closes. Ask for `Connection: close`. */
export async function exchange(address: string, request: string): Promise<string> {
  using client = await rawClient(address);
  await client.write(request);
  await client.closed();
  return client.received;
}
