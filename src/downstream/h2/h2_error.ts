/**
 * What a client does that its connection does not survive.
 *
 * @module
 */

import { CODE } from "../../http/http2_frames.ts";

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

/** The error for what breaks a rule of the protocol. */
export function broken(what: string): H2Error {
  return new H2Error(CODE.PROTOCOL_ERROR, what);
}
