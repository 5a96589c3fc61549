/**
 * What a client does that its connection does not survive.
 *
 * @module
 */

/** An error of the connection, RFC 9113 section 5.4.1. */
export class H2Error extends Error {
  /** The code for GOAWAY. */
  readonly code: number;

  /** @param message For the log. */
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
