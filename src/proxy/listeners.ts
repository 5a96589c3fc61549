/**
 * All listeners of a proxy, which can change while it serves.
 *
 * @module
 */
import type { Front, FrontRequest, FrontResponse } from "../downstream/front.ts";
import type { ListenerOptions } from "../downstream/listener_options.ts";
import { messageOf } from "../http/errors.ts";
import { parseAddress } from "../upstream/address.ts";
import { listenerOf } from "./listener_check.ts";
import { listenAt, type Listening } from "./listening.ts";

/** Where and how to listen. */
export interface ListenerSpec {
  /** What routes and logs know it by. */
  readonly name: string;
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  /** How. */
  readonly options: ListenerOptions;
}

interface Open {
  spec: ListenerSpec;
  readonly front: Listening;
}

/** What can change while a listener of the front `tcp` goes on; all else is fixed with the socket. */
const FIXED = ["front", "redirectHttp", "redirectPort", "relayPorts", "reusePort", "hsts"] as const;

/** Listeners that answer by one handler. */
export class Listeners {
  readonly #handle: (request: FrontRequest, listener: string) => Promise<FrontResponse>;
  #open = new Map<string, Open>();
  readonly #leaving = new Set<Listening>();

  /** The handler is told the name of the listener that a request came by. */
  constructor(handle: (request: FrontRequest, listener: string) => Promise<FrontResponse>) {
    this.#handle = handle;
  }

  /** Those that are open, with where they really listen. */
  get addresses(): {
    name: string;
    address: string;
    isSecure: boolean;
    redirectAddress: string | undefined;
  }[] {
    return [...this.#open.values()].map(({ spec, front }) => ({
      name: spec.name,
      address: front.address,
      isSecure: spec.options.tls !== undefined,
      redirectAddress: front.redirectAddress,
    }));
  }

  /** All that are open, those included that are finishing. */
  get fronts(): Front[] {
    return [...[...this.#open.values()].map(({ front }) => front), ...this.#leaving];
  }

  /**
   * Listens as these say from now on. Listeners of the same address stay, with their connections; new ones are opened, and
   * only then those that are not wanted any more are closed for new connections, and finish what they have.
   *
   * @throws {Error} that says what cannot be done; then nothing has changed but perhaps limits
   */
  replace(specs: readonly ListenerSpec[]): void {
    const next = new Map<string, Open>();
    const fresh: Listening[] = [];
    try {
      for (const given of specs) {
        const spec = { ...given, options: listenerOf(given.options) };
        const known = this.#open.get(spec.address);
        if (known === undefined) {
          const open = this.#listen(spec);
          fresh.push(open.front);
          next.set(spec.address, open);
        } else {
          refuseChange(known.spec, spec);
          next.set(spec.address, known);
        }
      }
      for (const { address, options } of specs) {
        const { front } = next.get(address)!;
        if (!fresh.includes(front)) front.configure?.(options);
      }
    } catch (error) {
      for (const front of fresh) void front.close();
      throw error;
    }
    for (const spec of specs) {
      next.get(spec.address)!.spec = spec;
    }
    const before = this.#open;
    this.#open = next;
    for (const [address, { front }] of before) {
      if (next.has(address)) continue;
      this.#leaving.add(front);
      void front.shutdown().finally(() => this.#leaving.delete(front));
    }
  }

  #listen(spec: ListenerSpec): Open {
    try {
      const open: Open = {
        spec,
        front: listenAt(
          parseAddress(spec.address),
          (request) => this.#handle(request, open.spec.name),
          spec.options,
        ),
      };
      return open;
    } catch (error) {
      const why = error instanceof Deno.errors.AddrInUse ? "the address is in use" : messageOf(error);
      throw new Error(`cannot listen on ${spec.address}: ${why}`, { cause: error });
    }
  }
}

function refuseChange(before: ListenerSpec, after: ListenerSpec): void {
  const all = after.options.front === "tcp" ? [] : Object.keys({ ...before.options, ...after.options });
  for (const name of new Set([...FIXED, ...all]) as Set<keyof ListenerOptions>) {
    const [old, fresh] = [before, after].map(({ options }) => JSON.stringify(options[name]));
    if (old === fresh) continue;
    throw new Error(`listener ${after.address}: "${name}" cannot change while it listens; restart`);
  }
  if ((before.options.tls === undefined) !== (after.options.tls === undefined)) {
    throw new Error(`listener ${after.address}: TLS cannot begin or end while it listens; restart`);
  }
}
