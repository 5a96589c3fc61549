/**
 * The certificates of a listener with TLS.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext, type TLSSocketOptions } from "node:tls";
import { messageOf } from "../../http/errors.ts";
import type { ListenerTls } from "../listener_options.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

/** Certificates, of which a client gets the one that is for the name it asked for. */
export class Certificates {
  /** What `node:tls` is to be told of a connection. */
  readonly options: TLSSocketOptions;
  readonly #first: SecureContext;
  readonly #byName = new Map<string, SecureContext>();

  /**
   * Reads the files.
   *
   * @param files At least one pair. A name that two certificates have is the earlier one's.
   * @param protocols What ALPN may choose from, the best first.
   * @throws {Error} that names the file which cannot be used
   */
  constructor(files: readonly ListenerTls[], protocols: string[]) {
    const pairs = files.map(readPair);
    for (const { context, names } of pairs) {
      for (const name of names) if (!this.#byName.has(name)) this.#byName.set(name, context);
    }
    this.#first = pairs[0]!.context;
    this.options = { isServer: true, secureContext: this.#first, ALPNProtocols: protocols };
    if (pairs.length > 1) {
      this.options.SNICallback = (name, done) => done(null, this.contextFor(name));
    }
  }

  /** What a client that asks for a name is to see: the certificate for it, or that for its siblings, or the first. */
  contextFor(name: string): SecureContext {
    const wanted = name.toLowerCase();
    return this.#byName.get(wanted) ?? this.#byName.get(`*${wanted.slice(wanted.indexOf("."))}`) ??
      this.#first;
  }
}

function readPair(files: ListenerTls): { context: SecureContext; names: string[] } {
  const [cert, key] = [pemOf(files.cert, "CERTIFICATE"), pemOf(files.key, "PRIVATE KEY")];
  const certificate = certificateOf(files.cert, cert);
  // What node:tls makes of the texts fails with a client's handshake, not before.
  if (!certificate.checkPrivateKey(keyOf(files.key, key))) {
    throw new Error(
      `cannot use the certificate ${files.cert} with the key ${files.key}: the key is another certificate's`,
    );
  }
  try {
    return { context: createSecureContext({ cert, key }), names: namesOf(certificate) };
  } catch (error) {
    throw new Error(
      `cannot use the certificate ${files.cert} with the key ${files.key}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

function pemOf(path: string, kind: string): string {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  if (!text.includes(`${kind}-----`)) {
    throw new Error(`cannot use ${path}: there is no PEM block "${kind}" in it`);
  }
  if (kind === "PRIVATE KEY" && /ENCRYPTED/.test(text)) {
    throw new Error(`cannot use ${path}: the key is encrypted`);
  }
  return text;
}

/** The first certificate of a file; the others are looked at as well. */
function certificateOf(path: string, text: string): X509Certificate {
  const blocks = text.match(BLOCK) ?? [];
  let first: X509Certificate | undefined;
  for (const [i, block] of blocks.entries()) {
    try {
      const certificate = new X509Certificate(block);
      first ??= certificate;
    } catch (error) {
      throw new Error(`cannot use ${path}: certificate ${i + 1} in it is damaged: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  if (first === undefined) throw new Error(`cannot use ${path}: the PEM block "CERTIFICATE" has no end`);
  return first;
}

function keyOf(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new Error(`cannot use ${path}: the key is damaged: ${messageOf(error)}`, { cause: error });
  }
}

function namesOf({ subjectAltName = "" }: X509Certificate): string[] {
  return subjectAltName.split(", ").filter((name) => name.startsWith("DNS:"))
    .map((name) => name.slice("DNS:".length).toLowerCase());
}
