/**
 * The certificates of a listener with TLS.
 *
 * @module
 */
import { createSecureContext, type SecureContext, type TLSSocketOptions } from "node:tls";
import { messageOf } from "../../http/errors.ts";
import { readPair, unusable } from "../key_pair.ts";
import type { ListenerTls } from "../listener_options.ts";
import { ServerNames } from "../server_names.ts";

/** Certificates, of which a client gets the one that is for the name it asked for. */
export class Certificates {
  /** What `node:tls` is to be told of a connection. */
  readonly options: TLSSocketOptions;
  readonly #names: ServerNames<SecureContext>;

  /**
   * Reads the files.
   *
   * @param files At least one pair. A name that two certificates have is the earlier one's.
   * @param protocols What ALPN may choose from, the best first.
   * @throws {Error} that names the file which cannot be used
   */
  constructor(files: readonly ListenerTls[], protocols: string[]) {
    this.#names = new ServerNames(files.map(contextOf));
    this.options = {
      isServer: true,
      secureContext: this.#names.for(undefined),
      ALPNProtocols: protocols,
    };
    if (files.length > 1) {
      this.options.SNICallback = (name, done) => done(null, this.contextFor(name));
    }
  }

  /** What a client that asks for a name is to see: the certificate for it, or that for its siblings, or the first. */
  contextFor(name: string): SecureContext {
    return this.#names.for(name);
  }
}

function contextOf(files: ListenerTls): { value: SecureContext; names: readonly string[] } {
  const { names, cert, key } = readPair(files);
  try {
    return { value: createSecureContext({ cert, key }), names };
  } catch (error) {
    throw unusable(files, messageOf(error), error);
  }
}
