/**
 * What a front (a listener that speaks HTTP) and the request path hand each other.
 *
 * @module
 */
import type { Body, BodySource } from "../http/body.ts";
import type { Endpoints } from "../http/endpoint.ts";
import type { ProxyError } from "../http/errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { ClaimingHeaders } from "./claims.ts";
import type { ListenerOptions } from "./listener_options.ts";

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
  /** End-to-end fields, Host among them, without framing and Expect. */
  readonly headers: HeaderList;
  /** The headers, if the client claims anything in them of the way its request took. */
  readonly claims: ClaimingHeaders | undefined;
  /** The `X-Request-Id`, as sent, or null. */
  readonly givenId: string | null;
  /** How long the body is; null when there is none, undefined when only its end will tell. */
  readonly bodyLength: number | null | undefined;
  /** The body. Called at most once. */
  body(): FrontBody;
  /** Whether the client waits for a `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** Whether the client takes trailer fields, by `TE: trailers`. */
  readonly takesTrailers: boolean;
  /** The protocols that the client would switch to, as its `Upgrade` lists them; null when none can be switched to. */
  readonly upgrade: string | null;
  /** Whether a WebSocket is taken apart into messages here, so that the upstream's handshake has to be right. */
  readonly bridgesWebSockets?: boolean;
  /** The client's address, without port. */
  readonly clientAddress: string;
  /** Both ends of the client's connection, as far as they are known. */
  endpoints(): Endpoints;
  /** `http` or `https`. */
  readonly scheme: string;
  /** Set when the request breaks a rule and must be answered with this error and nothing else. */
  readonly refused: ProxyError | undefined;
  /** The largest status that can be sent. */
  readonly maxStatus: number;
  /** A body of known length that is no longer is better given in one piece than streamed, in bytes. */
  readonly gatherUpTo: number;
  /** Sends an interim (1xx) response ahead of the answer. Missing where there is no way to. */
  inform?(status: number, reason: string, headers: HeaderList): void;
  /**
   * Calls back, once, when the client goes away before the answer is complete, or is given up for its slowness.
   * The error says which.
   */
  onGone(callback: (error: ProxyError) => void): void;
}

/** The answer of the request path to a front. */
export interface FrontResponse {
  /** 101, or 200 up to what the front can send. */
  status: number;
  /** The reason phrase, where it is not the status's own. */
  reason?: string | undefined;
  /** End-to-end fields. `Content-Length` is there exactly when the length of a source is known, or for HEAD. */
  headers: HeaderList;
  /** The body. A source that is cancelled learns that the client went away. */
  body: Body;
  /** Called when the last byte of a body that is not a source has left, or with what keeps it from leaving. */
  onSent: ((error?: ProxyError) => void) | undefined;
  /** What the connection becomes part of behind the head of a 101. */
  tunnel?: Tunnel | undefined;
}

/** The upstream's end of a connection that has switched protocols. */
export interface Tunnel {
  /** Reads bytes from the upstream; null when it sends no more. */
  readInto(into: Uint8Array): Promise<number | null>;
  /** Bytes to the upstream, all of them. */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that no more bytes come. */
  closeWrite(): Promise<void>;
  /** Bytes went through: from the client, or to it. */
  passed(up: number, down: number): void;
  /** Closes it. Called exactly once; the error says why, null is the usual end. */
  end(error: ProxyError | null): void;
}

/** Tells whoever made an answer that nothing more of it will be sent. */
export function giveUp({ body, onSent, tunnel }: FrontResponse, error?: ProxyError): void {
  if (body !== null && !(body instanceof Uint8Array)) body.cancel(error);
  tunnel?.end(error ?? null);
  onSent?.(error);
}

/** Answers every request; never rejects. */
export type FrontHandler = (request: FrontRequest) => Promise<FrontResponse>;

/** A listener. */
export interface Front {
  /** Where it listens; the port is the real one when 0 was asked for. */
  readonly addr: Deno.Addr;
  /**
   * Whether nothing tells when the last answers have left: the listener failed and was opened again, or the runtime waits
   * for a client that is gone.
   */
  readonly failed: boolean;
  /**
   * Stops accepting and resolves when all requests are answered. With `Deno.serve`, {@linkcode Front.close} cannot hurry
   * that up: it does not heed its signal any more once it was told to shut down.
   */
  shutdown(): Promise<void>;
  /** Closes the listener and every connection. */
  close(): Promise<void>;
  /**
   * Reads the files of TLS again, for connections from now on. Missing where that cannot be.
   *
   * @throws when they cannot be used; then nothing has changed
   */
  renewTls?(): void;
  /**
   * Takes other settings over, for connections from now on: limits, and the files of TLS, which are read. Missing where that
   * cannot be.
   *
   * @throws when the files cannot be used; then nothing has changed
   */
  configure?(options: ListenerOptions): void;
}
