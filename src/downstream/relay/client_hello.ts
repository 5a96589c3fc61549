/**
 * The name that a client asks for with the first message of TLS, RFC 8446 section 4.1.2 and RFC 6066 section 3.
 *
 * @module
 */

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
/** The longest record, RFC 8446 section 5.1. */
const MAX_RECORD = 16 * 1024;

/** What a client begins with. */
export interface ClientHello {
  /** The name it asks for, as sent; undefined without one. */
  name: string | undefined;
}

/**
 * Reads it; undefined when there is more of it to come.
 *
 * @param bytes All that the client has sent.
 * @throws {RangeError} when it is not the beginning of TLS
 */
export function readClientHello(bytes: Uint8Array): ClientHello | undefined {
  const message = messageOf(bytes);
  if (message === undefined) return undefined;
  const fields = new Fields(message);
  fields.skip(2 + 32); // The version and the random.
  fields.vector(1); // The session.
  fields.vector(2); // Ciphers.
  fields.vector(1); // Compressions.
  if (fields.isAtEnd) return { name: undefined };
  const extensions = fields.vector(2);
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const extension = extensions.vector(2);
    if (type !== SERVER_NAME) continue;
    const names = extension.vector(2);
    while (!names.isAtEnd) {
      const kind = names.number(1);
      const name = names.vector(2);
      if (kind === HOST_NAME) return { name: name.text };
    }
  }
  return { name: undefined };
}

/** The first message, which may lie in several records; undefined when it is not all there. */
function messageOf(bytes: Uint8Array): Uint8Array | undefined {
  const message = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== HANDSHAKE) throw malformed();
    if (bytes.length < at + 5) return undefined;
    const size = bytes[at + 3]! << 8 | bytes[at + 4]!;
    if (bytes[at + 1] !== 3 || size === 0 || size > MAX_RECORD) throw malformed();
    const piece = bytes.subarray(at + 5, at + 5 + size);
    message.set(piece, length);
    length += piece.length;
    if (length > 0 && message[0] !== CLIENT_HELLO) throw malformed();
    if (length >= 4) {
      const end = 4 + (message[1]! << 16 | message[2]! << 8 | message[3]!);
      if (length >= end) return message.subarray(4, end);
    }
    at += 5 + size;
  }
  return undefined;
}

/** Fields one after the other. */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  get text(): string {
    return String.fromCharCode(...this.#bytes);
  }

  skip(length: number): Uint8Array {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw malformed();
    return this.#bytes.subarray(from, this.#at);
  }

  number(length: 1 | 2): number {
    const bytes = this.skip(length);
    return length === 1 ? bytes[0]! : bytes[0]! << 8 | bytes[1]!;
  }

  /** Fields behind their length, which takes so many bytes. */
  vector(lengthBytes: 1 | 2): Fields {
    return new Fields(this.skip(this.number(lengthBytes)));
  }
}

function malformed(): RangeError {
  return new RangeError("The client does not begin with TLS");
}
