/**
 * The front on `Deno.serve`.
 *
 * @module
 */
import type { Address } from "../upstream/address.ts";
import type { Front, FrontHandler } from "./front.ts";
import { readPair } from "./key_pair.ts";
import { type ListenerOptions, tlsPairs } from "./listener_options.ts";
import { TlsRelay } from "./relay/tls_relay.ts";
import { listenServe } from "./serve_listener.ts";

/**
 * Listens and answers.
 *
 * `Deno.serve` has one certificate for life: where that is not enough, it is behind a relay that has several of them.
 *
 * @throws when the address cannot be listened on, as `Deno.serve`, or a certificate cannot be used
 * @throws {RangeError} for TLS on a Unix socket without a relay, of which `Deno.serve` takes no notice
 */
export function serve(address: Address, handler: FrontHandler, options: ListenerOptions = {}): Front {
  const [pair, ...more] = tlsPairs(options);
  if (pair === undefined) return listenServe(address, handler, options);
  const { relayPorts } = options;
  if (relayPorts !== undefined) return new TlsRelay(address, handler, [pair, ...more], relayPorts, options);
  if (address.transport === "unix") {
    throw new RangeError('listener "tls" on a Unix socket takes "relayPorts" with the front "serve"');
  }
  return Object.assign(listenServe(address, handler, options, { pair: readPair(pair) }), {
    renewTls() {
      throw new Error('the front "serve" cannot change its certificate without "relayPorts"');
    },
  });
}
