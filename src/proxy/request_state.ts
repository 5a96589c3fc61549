/**
 * What the steps of a request know of it.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";
import type { TrustCheck } from "../downstream/forwarded.ts";
import type { FrontRequest } from "../downstream/front.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import type { Counters } from "../observe/counters.ts";
import type { RequestTrace, Tracing } from "../observe/tracing.ts";
import type { Peer } from "../upstream/peer.ts";
import type { ResponseHead as UpstreamHead } from "../upstream/response_head.ts";
import type { ConnectionPool } from "../upstream/pool.ts";
import type { Watchdog, Watched } from "../http/watchdog.ts";
import type { Activity } from "./activity.ts";
import type { Compression } from "./compression.ts";
import type { ProxyModule, ProxyOptions, Session } from "./hooks.ts";
import type { ReplayBody } from "./replay_body.ts";

/** What all requests of a proxy share. */
export interface Shared {
  /** The name of the route, "" when there are none. */
  readonly route: string;
  /** The hooks. */
  readonly hooks: ProxyModule;
  /** The settings, complete; time-outs of 0 replaced by Infinity. */
  readonly options: Required<ProxyOptions>;
  /** Chooses the codings of responses, when they are to be compressed. */
  readonly compression: Compression | undefined;
  /** Whose forwarded fields are kept. */
  readonly trusted: TrustCheck;
  /** Upstream connections. */
  readonly pool: ConnectionPool;
  /** Deadlines. */
  readonly watchdog: Watchdog;
  /** Counts. */
  readonly counters: Counters;
  /** Which of the module's requests are under way. */
  readonly activity: Activity;
  /** Begins traces of requests, when they are on. */
  readonly tracing: Tracing | undefined;
  /** Receives every request when it is over; none makes the way shorter. */
  readonly onEnd: ((entry: AccessEntry) => void) | undefined;
}

/** A request on its way: the session that hooks see, and what is the proxy's own. */
export interface RequestState extends Session, Watched {
  readonly tried: Peer[];
  status: number;
  bytesSent: number;
  bytesReceived: number;
  /** What all requests share. */
  readonly shared: Shared;
  /** The name of the listener that it came by. */
  readonly listener: string;
  /** The request as the front gave it. */
  readonly front: FrontRequest;
  /** Its trace, when they are on. */
  readonly trace: RequestTrace | undefined;
  /** The module's own data. */
  readonly context: unknown;
  /** The hook that is running, to blame it for what it throws. */
  phase: string;
  /** The client's body, once an attempt wanted it. */
  body: ReplayBody | undefined;
  /** What goes on behind the answer's head, the response's body or a tunnel; it can be broken off. */
  stream: { abort(error: ProxyError): void } | undefined;
  /** What ended the request from outside: the client's leaving, a deadline. */
  readonly aborted: ProxyError | undefined;
  /** When the response's head has to be there, on the watchdog's clock. */
  deadline: number;
  /** When the client has to have sent more of its body, on the watchdog's clock. */
  clientDeadline: number;
  /** When the client has to have taken what was sent of the response, on the watchdog's clock. */
  sendDeadline: number;
  /** Opening the last upstream connection took this long, in milliseconds. */
  connectMs: number;
  /** From the arrival to the response's head, in milliseconds. */
  firstByteMs: number;
  /** The upstream tried last, for the logs. */
  readonly upstream: string;
  /** From here on, the client's going away ends the request. */
  watchClient(): void;
  /** Hands an interim response on to the client. */
  interim(head: UpstreamHead): void;
  /** Waits for a promise, or until the request is aborted. */
  wait<T>(promise: Promise<T>): Promise<T>;
  /** What went wrong, given what was thrown: an abort comes before all, and a hook answers for its own. */
  explain(error: unknown): ProxyError;
  /** The end of the request, whichever way it came; by default with what it failed with, if it did. Settles accounts, once. */
  end(error?: ProxyError | null): void;
}

/** The error for a body beyond the limit. */
export function tooLarge(limit: number): ProxyError {
  return new ProxyError("body_too_large", `The request's body is larger than ${limit} bytes`);
}
