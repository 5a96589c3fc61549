/**
 * The certificates of a listener with TLS and their keys, as files.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { messageOf } from "../http/errors.ts";
import type { ListenerTls } from "./listener_options.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

/** A certificate and its key. */
export interface KeyPair {
  /** The certificate, then those that it was issued by, PEM. */
  readonly cert: string;
  /** The key, PEM. */
  readonly key: string;
  /** The names that the certificate is for, in lower case. */
  readonly names: readonly string[];
}

/**
 * Reads a pair of files, and looks at what is wrong with them: those who speak TLS with them say little, and some late.
 *
 * @throws {Error} that names the file which cannot be used
 */
export function readPair(files: ListenerTls): KeyPair {
  const [cert, key] = [pemOf(files.cert, "CERTIFICATE"), pemOf(files.key, "PRIVATE KEY")];
  const certificate = certificateOf(files.cert, cert);
  if (!certificate.checkPrivateKey(keyOf(files.key, key))) {
    throw unusable(files, "the key is another certificate's");
  }
  return { cert, key, names: namesOf(certificate) };
}

/** The error that says why a pair cannot be used. */
export function unusable({ cert, key }: ListenerTls, why: string, cause?: unknown): Error {
  return new Error(`cannot use the certificate ${cert} with the key ${key}: ${why}`, { cause });
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
