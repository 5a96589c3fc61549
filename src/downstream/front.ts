/**
 * What a front (a listener that speaks HTTP) and the request path hand each other.
 *
 * @module
 */
import type { Body, BodySource } from "../http/body.ts";
import type { ProxyError } from "../http/errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { ClaimingHeaders } from "./claims.ts";

/** The body of a request. */
export interface FrontBody extends BodySource {
  /** All of it at once, in place of reading: cheaper for a short one that is here already. Null when it was read before. */
  whole(): Promise<Uint8Array | null>;
}

/** A request as a front gives it to the request path: re-framed, hop-by-hop fields taken out. */
export interface FrontRequest {
  /** The method, as sent. */
  readonly method: string;
  /** The target in its normal form: `/path?query`, or `*`. */
  readonly target: string;
  /** The Host, as sent, or what HTTP/2 has instead. */
  readonly host: string;
  /** End-to-end fields, Host first, without framing and Expect. */
  readonly headers: HeaderList;
  /** The headers, if the client claims anything in them of the way its request took. */
  readonly claims: ClaimingHeaders | undefined;
  /** The `X-Request-Id`, as sent, or null. */
  readonly givenId: string | null;
  /** How long the body is; null when there is none, undefined when only its end will tell. */
  readonly bodyLength: number | null | undefined;
  /** The body. Called at most once. */
  body(): FrontBody;
  /** The client's address, without port. */
  readonly clientAddress: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** Set when the request breaks a rule and must be answered with this error and nothing else. */
  readonly refused: ProxyError | undefined;
  /** Calls back, once, when the client goes away before the answer is complete. */
  onGone(callback: () => void): void;
}

/** The answer of the request path to a front. */
export interface FrontResponse {
  /** 200 to 599. */
  status: number;
  /** End-to-end fields. `Content-Length` is there exactly when the length of a source is known, or for HEAD. */
  headers: HeaderList;
  /** The body. A source that is cancelled learns that the client went away. */
  body: Body;
  /** Called when the last byte of a body that is not a source has left. */
  onSent: (() => void) | undefined;
}

/** Answers every request; never rejects. */
export type FrontHandler = (request: FrontRequest) => Promise<FrontResponse>;
