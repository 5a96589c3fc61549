/**
 * Noticing the end of a TLS handshake from outside.
 *
 * @module
 */

/** The beginning of a record: its type, two bytes of version, two of length. */
const HEAD = 5;
const CHANGE_CIPHER_SPEC = 20;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

/**
 * Reads the outsides of a client's records, RFC 8446 section 5.1. The handshake is over, as far as that can be told, with a whole
 * record of application data, which the last message of TLS 1.3 looks like, or with a whole one of the handshake behind the change
 * to ciphers, which is the last message of TLS 1.2.
 */
export class Handshake {
  /** Whether it is over. */
  isOver = false;
  readonly #head = new Uint8Array(HEAD);
  #headLength = 0;
  #left = 0;
  #isEncrypted = false;

  /** The next bytes of the client. */
  see(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.isOver;) {
      if (this.#headLength < HEAD) {
        this.#head[this.#headLength++] = bytes[at++]!;
        if (this.#headLength < HEAD) continue;
        this.#left = this.#head[3]! << 8 | this.#head[4]!;
      }
      const n = Math.min(this.#left, bytes.length - at);
      at += n;
      this.#left -= n;
      if (this.#left === 0) this.#end();
    }
  }

  #end(): void {
    const type = this.#head[0]!;
    this.isOver = type === APPLICATION_DATA || (type === HANDSHAKE && this.#isEncrypted);
    if (type === CHANGE_CIPHER_SPEC) this.#isEncrypted = true;
    this.#headLength = 0;
  }
}
