/**
 * What the connections of a listener have in common.
 *
 * @module
 */
import type { Watchdog } from "../../http/watchdog.ts";
import type { FrontHandler } from "../front.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { TcpLimits } from "./limits.ts";

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
  /** Whose connections begin with a PROXY protocol header. */
  readonly speaksForClients: (address: string) => boolean;
  /** Whether connections are to end after their present request. */
  draining: boolean;
  /** Whether a connection whose client is known now may stay. */
  admit(connection: ClientConnection): boolean;
  /** Told of a connection's end. */
  closed(connection: ClientConnection): void;
}
