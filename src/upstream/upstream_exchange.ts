/**
 * One request and its response, whichever version of HTTP they go by.
 *
 * @module
 */
import type { BodyReader } from "../http/body_reading.ts";
import type { ProxyError } from "../http/errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { Connection } from "./connection.ts";
import type { RequestFraming, RequestLine } from "./request_head.ts";
import type { ResponseHead } from "./response_head.ts";

/** The most interim (1xx) responses accepted before a final one. */
export const MAX_INTERIM = 32;

/** What is waited for, by the time-out that limits it. */
export const WAITING = {
  firstByte: "for the response",
  readIdle: "for more of the response's body",
  write: "for it to take more of the request",
} as const;

/** Whether a response is one of server-sent events, which has no end, and is silent until something happens. */
export function isEventStream({ headers }: ResponseHead): boolean {
  return /^text\/event-stream\s*(?:;|$)/i.test(headers.get("content-type") ?? "");
}

/** What is asked for beyond a plain answer. */
export interface Wishes {
  /** Called when the head was sent and the body is still to be. */
  upload?: (() => void) | undefined;
  /** Receives the interim responses, other than 101. @default they are skipped */
  onInterim?: ((head: ResponseHead) => void) | undefined;
  /** Whether the body goes out only on the upstream's word, a `100 Continue`. @default {false} */
  expectsContinue?: boolean;
  /** Whether the upstream may switch protocols; not by HTTP/2, which has no such thing. @default {false} */
  mayUpgrade?: boolean;
}

/** Nothing but a plain answer. */
export const NO_WISHES: Wishes = {};

/** A request under way on a connection. */
export interface UpstreamExchange {
  /** The connection's own address, for hooks. */
  readonly localAddr: Deno.Addr;
  /** Whether the upstream may have seen, and acted on, any of the request. */
  readonly wrote: boolean;
  /** Whether the connection was given up before it took the request: on another one, it is as good as new. */
  readonly wasStale: boolean;
  /** Whether any of the response came. */
  readonly received: boolean;
  /** Whether it is over. */
  readonly ended: boolean;
  /**
   * Sends the request's head, with its body where that is at hand, and waits for the head of the final response;
   * that is also a 101 that was asked for.
   *
   * @throws {ProxyError} `upstream_closed`, `upstream_timeout`, `bad_response`, or what the exchange was aborted with
   * @throws {TypeError} at once, when method or target cannot be sent
   */
  begin(
    request: RequestLine,
    framing: RequestFraming,
    body?: Uint8Array,
    wishes?: Wishes,
  ): Promise<ResponseHead>;
  /**
   * Sends a piece of the body, framed as a chunk if asked for; false when the upstream takes no more.
   * That is no failure yet: its response may be on the way.
   */
  trySend(piece: Uint8Array, chunked: boolean): Promise<boolean>;
  /** Says that a body without length is over; as {@linkcode UpstreamExchange.trySend}. */
  trySendLastChunk(trailers: HeaderList | undefined): Promise<boolean>;
  /** Says that the whole request was sent; the wait for the response is timed from here. */
  sent(): void;
  /** The body that belongs to the head, or null when there is none; then the exchange is at its end. */
  readBody(head: ResponseHead, method: string): BodyReader | null;
  /** Gives the exchange up: what waits on it rejects with `error`. Nothing happens when it is over. */
  abort(error: ProxyError): void;
  /** Gives the connection to whoever speaks another protocol on it from now on; the exchange is over. */
  detach(): Connection;
  /** Aborts when a deadline has passed. */
  tick(now: number): void;
}
