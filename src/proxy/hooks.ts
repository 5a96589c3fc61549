/**
 * The contract between a hook module and the proxy: what a module may export, and when each export is called.
 *
 * The phases, their names and their order are Pingora's. A hook that is not exported costs nothing. A hook that throws
 * or rejects fails its own request with a 500 and a line in the log, never the process.
 *
 * @module
 */
import type { ListenerOptions } from "../downstream/listener_options.ts";
import type { ProxyError } from "../http/errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { Peer } from "../upstream/peer.ts";
import type { CompressionOptions } from "./compression_options.ts";

/** A value, or the promise of one. */
export type Awaitable<T> = T | Promise<T>;

/** A request as the client sent it, re-framed: hop-by-hop and framing fields are gone, the path is normal. */
export interface RequestHead {
  /** The method. */
  method: string;
  /** `/path?query`, or `*` for `OPTIONS *`. */
  target: string;
  /** The end-to-end fields, `host` first. */
  headers: HeaderList;
}

/** The head of a response, hop-by-hop fields taken out; only the `upgrade` of a 426 stays. */
export interface ResponseHead {
  /** 200 to 599, or 101 when the upstream switches protocols. */
  status: number;
  /** The end-to-end fields. `content-length` follows the body, whatever a hook sets. */
  headers: HeaderList;
}

/** One request on its way through the proxy, as its hooks see it. */
export interface Session {
  /** The request id: the client's `X-Request-Id` when it is well formed, otherwise made. */
  readonly id: string;
  /** The address of the client, without port. */
  readonly clientAddress: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** What the client asked for. Changes in `requestFilter` hold for all that follows. */
  readonly request: RequestHead;
  /** The protocols that the client asks to switch to, as in its `Upgrade` (`websocket`), or null. The upstream decides. */
  readonly upgrade: string | null;
  /** Upstream attempts begun so far. */
  readonly attempts: number;
  /** The peers tried so far, the present one last. */
  readonly tried: readonly Peer[];
  /** The status of the answer, 0 before there is one. */
  readonly status: number;
  /** Bytes of the response's body so far. */
  readonly bytesSent: number;
  /** Bytes of the request's body so far. */
  readonly bytesReceived: number;
  /** Since the request came, in milliseconds. */
  readonly elapsed: number;
  /** Aborts when the request is given up: its client left, its time is over, or the proxy stops. */
  readonly signal: AbortSignal;
}

/** How an upstream connection came about. */
export interface Connected {
  /** The peer. */
  readonly peer: Peer;
  /** Whether it served a request before. */
  readonly reused: boolean;
  /** The socket's own address. */
  readonly localAddr: Deno.Addr;
}

/** Work beside the requests, such as health checks. */
export interface BackgroundService {
  /** Named in the log. */
  readonly name: string;
  /**
   * Runs until `signal` aborts. When it fails before that, the failure is logged and it is started again,
   * after 1 second and up to a minute.
   */
  run(signal: AbortSignal): Promise<void>;
}

/** A group of upstreams that chooses one itself, such as a load balancer. */
export interface UpstreamGroup {
  /** The members. */
  readonly peers: readonly Peer[];
  /** Replaces the members, keeping what is known of those that stay. */
  replace(peers: readonly Peer[]): void;
}

/** Settings of a module. */
export interface ProxyOptions {
  /** Further attempts after a failed one, where that is safe. @default {1} */
  retries?: number;
  /** From the request's arrival to the response's head, all attempts together, in milliseconds; 0 is for ever. @default {600_000} */
  totalTimeout?: number;
  /** Silence between two pieces of the request's body, in milliseconds; 0 is for ever. @default {60_000} */
  clientBodyTimeout?: number;
  /**
   * The client takes a piece of a streamed response, in milliseconds; 0 is for ever. The system takes some megabytes
   * for it at once, so that this has to be long enough for a slow reader to make room in them. @default {300_000}
   */
  clientWriteTimeout?: number;
  /** The largest request body, in bytes; beyond, 413. 0 is no limit. @default {0} */
  maxRequestBody?: number;
  /** Addresses and CIDR ranges of proxies in front, whose `X-Forwarded-*` and `Forwarded` are kept. @default {[]} */
  trustedProxies?: string[];
  /** Whether TRACE is forwarded rather than refused. @default {false} */
  allowTrace?: boolean;
  /**
   * Whether responses are compressed for clients that accept it, when the upstream has not done so; behind all hooks.
   * @default {false}
   */
  compression?: boolean | CompressionOptions;
}

/** What a module asks for beyond the network, when it is sandboxed: lists in the words of Deno's flags. */
export interface ModulePermissions {
  /** Files and folders to read. */
  read?: string[];
  /** Files and folders to write. */
  write?: string[];
  /** Variables of the environment. */
  env?: string[];
  /** Programs. Whoever may run a program is in no sandbox. */
  run?: string[];
  /** Facts about the system, such as `hostname`. */
  sys?: string[];
  /** Libraries. Whoever may load a library is in no sandbox. */
  ffi?: string[];
}

/**
 * What a body filter makes of a chunk: nothing returned passes it on as it is, bytes replace it, null drops it
 * (a filter that holds data back returns it later, at the latest at the end).
 */
export type FilteredChunk = Uint8Array | null | void;

/**
 * The exports of a hook module.
 *
 * @typeParam Context The module's own data for one request, made by `newContext`.
 */
// deno-lint-ignore no-explicit-any
export interface ProxyModule<Context = any> {
  /** Where to listen: `host:port` or `unix:/path`. @default {"127.0.0.1:6188"} */
  listen?: string;
  /** How to listen. */
  listener?: ListenerOptions;
  /** Everything the module's upstreams and its own hooks may reach, in the words of `--allow-net=`. */
  net?: readonly string[];
  /** What it needs beyond the network. The operator has to grant it by flag. */
  permissions?: ModulePermissions;
  /** The upstreams, for `--upstream` to replace and the start-up report to show. */
  upstreams?: Peer[] | UpstreamGroup;
  /** Settings. */
  options?: ProxyOptions;
  /** Started with the proxy, stopped by the signal they are given. */
  backgroundServices?: readonly BackgroundService[];

  /** Makes the context of a request, before its first hook. Without it, the context is `undefined`. */
  newContext?(): Awaitable<Context>;

  /**
   * Runs first. A `Response` answers the request at once: no upstream is asked, and neither response filter runs.
   * Nothing returned lets the request go on, and that is the default.
   */
  requestFilter?(session: Session, context: Context): Awaitable<Response | void>;

  /**
   * Chooses the upstream, at the start of every attempt. An error ends the request, without another attempt.
   * There is no default: a module without it answers everything in `requestFilter`, or the client gets a 404.
   */
  upstreamPeer?(session: Session, context: Context): Awaitable<Peer>;

  /**
   * Runs when no connection could be made. `true` asks for another attempt, which goes back to `upstreamPeer`,
   * `false` for none; the default is another one while `retries` are left.
   */
  failToConnect?(
    session: Session,
    peer: Peer,
    error: ProxyError,
    context: Context,
  ): Awaitable<boolean | void>;

  /** Runs when there is a connection, new or reused, before anything is sent on it. */
  connectedToUpstream?(session: Session, connected: Connected, context: Context): Awaitable<void>;

  /**
   * May change the request that the upstream will see: a fresh copy of `session.request` at every attempt, with
   * `X-Forwarded-*`, `Via` and `X-Request-Id` set. Framing and hop-by-hop fields set here are ignored.
   */
  upstreamRequestFilter?(session: Session, request: RequestHead, context: Context): Awaitable<void>;

  /**
   * Runs for every chunk of the request's body, and with `null` after the last, `end` being true then; again from the
   * first chunk at another attempt. The body goes out chunked, as its length is not known beforehand.
   * It does not run for a request without a body.
   */
  requestBodyFilter?(
    session: Session,
    chunk: Uint8Array | null,
    end: boolean,
    context: Context,
  ): Awaitable<FilteredChunk>;

  /** May change the response as the upstream sent it. A cache will sit between this and `responseFilter`. */
  upstreamResponseFilter?(session: Session, response: ResponseHead, context: Context): Awaitable<void>;

  /** May change the response as the client will see it. It does not run for answers made by hooks or for errors. */
  responseFilter?(session: Session, response: ResponseHead, context: Context): Awaitable<void>;

  /**
   * Runs for every chunk of the response's body. `end` is true with the last call, which may bring a chunk or `null`.
   * It does not run when there is no body: HEAD, 204, 205, 304.
   */
  responseBodyFilter?(
    session: Session,
    chunk: Uint8Array | null,
    end: boolean,
    context: Context,
  ): Awaitable<FilteredChunk>;

  /**
   * Runs when a connected upstream failed before any of its response reached the client. `true` asks for another
   * attempt and is granted only when `error.retrySafe`; `false` asks for none. By default there is another attempt
   * when that is safe and the connection was a reused one that died without an answer.
   */
  errorWhileProxy?(
    session: Session,
    peer: Peer,
    error: ProxyError,
    context: Context,
  ): Awaitable<boolean | void>;

  /** May build the answer after a final failure; by default it is a short text with the status and the request id. */
  failToProxy?(session: Session, error: ProxyError, context: Context): Awaitable<Response | void>;

  /** Runs last, exactly once for every request, after the last byte or the failure. */
  logging?(session: Session, error: ProxyError | null, context: Context): Awaitable<void>;
}

/** The names of the hooks, in the order of the phases. */
export const HOOKS = [
  "newContext",
  "requestFilter",
  "upstreamPeer",
  "failToConnect",
  "connectedToUpstream",
  "upstreamRequestFilter",
  "requestBodyFilter",
  "upstreamResponseFilter",
  "responseFilter",
  "responseBodyFilter",
  "errorWhileProxy",
  "failToProxy",
  "logging",
] as const satisfies readonly (keyof ProxyModule)[];

/** What a module may export beside hooks. */
export const DECLARATIONS = [
  "listen",
  "listener",
  "net",
  "permissions",
  "upstreams",
  "options",
  "backgroundServices",
] as const satisfies readonly (keyof ProxyModule)[];
