/**
 * What the connections of a listener have in common.
 *
 * @module
 */
import type { Watchdog } from "../../http/watchdog.ts";
import type { FrontHandler } from "../front.ts";
import type { Certificates } from "./certificates.ts";
import type { TcpLimits } from "./limits.ts";

/** A connection that counts among those of its client's address. */
export interface Counted {
  /** The client's address. */
  readonly clientAddress: string;
  /** Whether it counts by now. */
  isCounted: boolean;
}

/** A listener, for its connections. */
export interface Server {
  /** Answers requests. */
  readonly handler: FrontHandler;
  /** The limits. */
  readonly limits: TcpLimits;
  /** Deadlines. */
  readonly watchdog: Watchdog;
  /** `http` or `https`. */
  readonly scheme: string;
  /** What TLS is spoken with. */
  readonly certificates: Certificates | undefined;
  /** Whose connections begin with a PROXY protocol header. */
  readonly speaksForClients: (address: string) => boolean;
  /** Whether HTTP/2 is spoken. */
  readonly speaksHttp2: boolean;
  /** Whether connections are to end after their present request. */
  readonly draining: boolean;
  /** Whether a connection whose client is known now may stay. */
  admit(connection: Counted): boolean;
  /** Told that a connection has become idle, or is in the middle of a head. */
  idle(): void;
  /** Told of a connection's end. */
  closed(connection: Counted): void;
}
