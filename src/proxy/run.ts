/**
 * The way of one request through the phases.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { type BodySource, StreamSource } from "../http/body.ts";
import { messageOf, ProxyError, toProxyError } from "../http/errors.ts";
import { HeaderList } from "../http/headers.ts";
import { setForwarded, type TrustCheck } from "../downstream/forwarded.ts";
import type { FrontRequest, FrontResponse } from "../downstream/front.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import type { Counters } from "../observe/counters.ts";
import { connect } from "../upstream/connect.ts";
import type { Connection } from "../upstream/connection.ts";
import { Exchange } from "../upstream/exchange.ts";
import { type Peer, type Target, targetOf } from "../upstream/peer.ts";
import type { ConnectionPool } from "../upstream/pool.ts";
import { requestHead } from "../upstream/request_head.ts";
import type { ResponseHead as UpstreamHead } from "../upstream/response_head.ts";
import type { Watchdog, Watched } from "../upstream/watchdog.ts";
import { errorPage } from "./error_page.ts";
import { type ChunkFilter, filtered, FilteredSource } from "./filtered_source.ts";
import type { Awaitable, ProxyModule, ProxyOptions, RequestHead, ResponseHead, Session } from "./hooks.ts";
import { ReplayBody } from "./replay_body.ts";
import { requestId } from "./request_id.ts";
import { TrackedSource } from "./tracked_source.ts";

/** What all requests of a proxy share. */
export interface RunShared {
  /** The hooks. */
  readonly hooks: ProxyModule;
  /** The settings, complete; time-outs of 0 replaced by Infinity. */
  readonly options: Required<ProxyOptions>;
  /** Whose forwarded fields are kept. */
  readonly trusted: TrustCheck;
  /** Upstream connections. */
  readonly pool: ConnectionPool;
  /** Deadlines. */
  readonly watchdog: Watchdog;
  /** Counts. */
  readonly counters: Counters;
  /** Receives every request when it is over; none makes the way shorter. */
  readonly onEnd: ((entry: AccessEntry) => void) | undefined;
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
/** Request bodies up to this length are read before an upstream connection is taken. */
const READ_FIRST = 64 * 1024;

/** One request: its state, and the phases in order. */
export class Run implements Session, Watched {
  readonly id: string;
  readonly clientAddress: string;
  readonly scheme: string;
  readonly request: RequestHead;
  readonly tried: Peer[] = [];
  slot = -1;
  attempts = 0;
  status = 0;
  bytesSent = 0;
  bytesReceived = 0;

  readonly #shared: RunShared;
  readonly #front: FrontRequest;
  readonly #startedAt = performance.now();
  #context: unknown;
  /** The hook that is running, to blame it for what it throws. */
  #phase = "";
  #target: Target | undefined;
  #connecting: AbortController | undefined;
  #exchange: Exchange | undefined;
  #body: ReplayBody | undefined;
  #retry = false;
  /** What ended the request from outside: the client's leaving, a deadline. */
  #aborted: ProxyError | undefined;
  #rejectWait: ((error: ProxyError) => void) | undefined;
  #deadline: number;
  #clientDeadline = Infinity;
  #watchesClient = false;
  #connectMs = -1;
  #firstByteMs = -1;
  #ended = false;

  constructor(shared: RunShared, front: FrontRequest) {
    this.#shared = shared;
    this.#front = front;
    this.id = requestId(front.headers.get("x-request-id"));
    this.clientAddress = front.clientAddress;
    this.scheme = front.scheme;
    this.request = { method: front.method, target: front.target, headers: front.headers };
    shared.watchdog.add(this);
    shared.counters.active++;
    this.#deadline = shared.watchdog.now + shared.options.totalTimeout;
  }

  get elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  /** The answer. Never rejects. */
  async answer(): Promise<FrontResponse> {
    try {
      return await this.#respond();
    } catch (error) {
      return await this.#failed(this.#explain(error));
    }
  }

  /** Looks at deadlines; from the first tick on, at the client, which a quick request does without. */
  tick(now: number): void {
    if (!this.#watchesClient) {
      this.#watchesClient = true;
      this.#front.onGone(() => this.abort(new ProxyError("client_gone", "The client went away")));
    }
    this.#exchange?.tick(now);
    const { clientBodyTimeout, totalTimeout } = this.#shared.options;
    if (now >= this.#clientDeadline) {
      this.abort(
        new ProxyError("client_timeout", `The client sent nothing of its body for ${clientBodyTimeout} ms`),
      );
    } else if (now >= this.#deadline) {
      this.abort(
        new ProxyError("deadline", `No response within ${totalTimeout} ms in ${this.attempts} attempts`),
      );
    }
  }

  /** Ends the request with an error wherever it is. */
  abort(error: ProxyError): void {
    if (this.#ended || this.#aborted !== undefined) return;
    this.#aborted = error;
    this.#connecting?.abort(error);
    this.#exchange?.abort(error);
    this.#rejectWait?.(error);
  }

  async #respond(): Promise<FrontResponse> {
    const { hooks, options, counters } = this.#shared;
    if (hooks.newContext !== undefined) {
      this.#phase = "newContext";
      this.#context = hooks.newContext();
      this.#phase = "";
    }
    this.#check();
    if (hooks.requestFilter !== undefined) {
      this.#phase = "requestFilter";
      const early = await this.#settle(hooks.requestFilter(this, this.#context));
      this.#phase = "";
      if (early !== undefined) return this.#answerWith(early);
    }
    if (hooks.upstreamPeer === undefined) throw new ProxyError("no_route", "The module chose no upstream");
    for (let reusedFailed = false;;) {
      this.#retry = false;
      try {
        return await this.#attempt(reusedFailed);
      } catch (error) {
        if (!this.#retry || this.attempts > options.retries || this.#aborted !== undefined) throw error;
        counters.retries++;
        getLogger("postern").debug(
          `${this.#summary()}: attempt ${this.attempts} failed: ${messageOf(error)}`,
        );
        reusedFailed = (this.#exchange?.connection.served ?? 0) > 0;
        this.#exchange = undefined;
      }
    }
  }

  #check(): void {
    const { method, bodyLength, refused } = this.#front;
    const { allowTrace, maxRequestBody } = this.#shared.options;
    if (refused !== undefined) throw refused;
    if (method === "TRACE" && !allowTrace) throw new ProxyError("method_not_allowed", "Refused method TRACE");
    if (maxRequestBody > 0 && bodyLength && bodyLength > maxRequestBody) this.#tooLarge();
  }

  async #attempt(fresh: boolean): Promise<FrontResponse> {
    const { hooks, pool, watchdog, counters } = this.#shared;
    this.attempts++;
    this.#phase = "upstreamPeer";
    const peer = await this.#settle(hooks.upstreamPeer!(this, this.#context));
    const target = this.#target = targetOf(peer);
    this.#phase = "";
    this.tried.push(peer);

    const body = this.#requestBody();
    const first = body !== null && this.#isShort() ? await this.#settle(body.read()) ?? undefined : undefined;

    const reusable = fresh ? undefined : pool.take(target);
    if (reusable !== undefined) {
      counters.reuses++;
      this.#connectMs = 0;
    }
    const connection = reusable ?? await this.#connect(target, peer);
    const exchange = this.#exchange = new Exchange(connection, watchdog, pool);
    const request = this.#upstreamRequest();
    try {
      if (hooks.connectedToUpstream !== undefined) {
        this.#phase = "connectedToUpstream";
        const { localAddr } = connection;
        await this.#settle(
          hooks.connectedToUpstream(this, { peer, reused: reusable !== undefined, localAddr }, this.#context),
        );
      }
      if (hooks.upstreamRequestFilter !== undefined) {
        this.#phase = "upstreamRequestFilter";
        const waiting = hooks.upstreamRequestFilter(this, request, this.#context);
        if (waiting !== undefined) await this.#settle(waiting);
        removeFraming(request.headers);
      }
      this.#phase = "";
      await this.#send(exchange, request, body, first);
      return await this.#relay(exchange, await exchange.readHead(), request.method);
    } catch (error) {
      const failure = this.#explain(error);
      exchange.abort(failure);
      await this.#decideRetry(failure, exchange, peer);
      throw failure;
    }
  }

  async #connect(target: Target, peer: Peer): Promise<Connection> {
    const { hooks, counters } = this.#shared;
    const begun = performance.now();
    this.#connecting = new AbortController();
    try {
      if (this.#aborted !== undefined) throw this.#aborted;
      const connection = await connect(target, this.#connecting.signal);
      counters.connects++;
      return connection;
    } catch (thrown) {
      if (this.#aborted !== undefined) throw this.#aborted;
      const error = toProxyError(thrown, "connect_failed");
      this.#retry = error.retrySafe = this.#body?.replayable ?? true;
      if (hooks.failToConnect !== undefined) {
        this.#phase = "failToConnect";
        const verdict = await this.#settle(hooks.failToConnect(this, peer, error, this.#context));
        this.#phase = "";
        if (verdict !== undefined) this.#retry = verdict && error.retrySafe;
      }
      throw error;
    } finally {
      this.#connecting = undefined;
      this.#connectMs = performance.now() - begun;
    }
  }

  /** A request may go out again only if it cannot have been acted on, or acting twice does no harm. */
  async #decideRetry(error: ProxyError, exchange: Exchange, peer: Peer): Promise<void> {
    const { hooks } = this.#shared;
    const { connection } = exchange;
    if (error.source !== "upstream") return;
    error.retrySafe = (this.#body?.replayable ?? true) &&
      (!connection.wrote || IDEMPOTENT.has(this.request.method));
    const stale = connection.served > 0 || !connection.wrote;
    this.#retry = error.retrySafe && stale && !exchange.received && error.type === "upstream_closed";
    if (hooks.errorWhileProxy === undefined) return;
    this.#phase = "errorWhileProxy";
    const verdict = await this.#settle(hooks.errorWhileProxy(this, peer, error, this.#context));
    this.#phase = "";
    if (verdict !== undefined) this.#retry = verdict && error.retrySafe;
  }

  /** The request as the upstream will see it, new at every attempt. */
  #upstreamRequest(): RequestHead {
    const { method, target } = this.request;
    const headers = this.request.headers.clone();
    const host = headers.lines[1]!;
    setForwarded(headers, this.clientAddress, this.scheme, host, this.#shared.trusted(this.clientAddress));
    headers.set("x-request-id", this.id);
    return { method, target, headers };
  }

  /** The request's body from its beginning, or null when it has none. */
  #requestBody(): BodySource | null {
    if (this.#front.bodyLength === null || this.#front.bodyLength === 0) return null;
    this.#body ??= new ReplayBody(this.#watchedBody(this.#front.body()));
    return this.#body.fromStart();
  }

  /** The client's body, counted, bounded and timed. */
  #watchedBody(source: BodySource): BodySource {
    const { watchdog, options } = this.#shared;
    return {
      read: async () => {
        this.#clientDeadline = watchdog.now + options.clientBodyTimeout;
        try {
          const chunk = await source.read();
          this.bytesReceived += chunk?.length ?? 0;
          if (options.maxRequestBody > 0 && this.bytesReceived > options.maxRequestBody) this.#tooLarge();
          return chunk;
        } finally {
          this.#clientDeadline = Infinity;
        }
      },
      cancel: () => source.cancel(),
    };
  }

  #isShort(): boolean {
    const { bodyLength } = this.#front;
    return bodyLength !== undefined && bodyLength! <= READ_FIRST &&
      this.#shared.hooks.requestBodyFilter === undefined;
  }

  #tooLarge(): never {
    throw new ProxyError(
      "body_too_large",
      `The request's body is larger than ${this.#shared.options.maxRequestBody} bytes`,
    );
  }

  async #send(
    exchange: Exchange,
    request: RequestHead,
    body: BodySource | null,
    first?: Uint8Array,
  ): Promise<void> {
    const { method, target, headers } = request;
    const { bodyLength } = this.#front;
    const filter = this.#shared.hooks.requestBodyFilter;
    if (body === null || first !== undefined) {
      await exchange.send(requestHead(method, target, headers, bodyLength!, first));
      exchange.sent();
      return;
    }
    const chunked = filter !== undefined || bodyLength === undefined;
    await exchange.send(requestHead(method, target, headers, chunked ? "chunked" : bodyLength!));
    const source = filter === undefined
      ? body
      : new FilteredSource(body, this.#bodyFilter("requestBodyFilter"));
    this.#upload(exchange, source, chunked);
  }

  /** Sends the body beside the wait for the response, which may come before the body's end. */
  async #upload(exchange: Exchange, source: BodySource, chunked: boolean): Promise<void> {
    try {
      for (let chunk; (chunk = await source.read()) !== null;) {
        if (exchange.ended || !await exchange.trySend(chunk, chunked)) return;
      }
      if (chunked && !await exchange.trySendLastChunk()) return;
      exchange.sent();
    } catch (error) {
      exchange.abort(this.#explain(error));
    }
  }

  async #relay(exchange: Exchange, head: UpstreamHead, method: string): Promise<FrontResponse> {
    const { hooks } = this.#shared;
    this.#firstByteMs = this.elapsed;
    this.#deadline = Infinity;
    const response: ResponseHead = { status: head.status, headers: head.headers };
    const body = exchange.readBody(head, method);
    if (hooks.upstreamResponseFilter !== undefined) {
      this.#phase = "upstreamResponseFilter";
      const waiting = hooks.upstreamResponseFilter(this, response, this.#context);
      if (waiting !== undefined) await this.#settle(waiting);
    }
    if (hooks.responseFilter !== undefined) {
      this.#phase = "responseFilter";
      const waiting = hooks.responseFilter(this, response, this.#context);
      if (waiting !== undefined) await this.#settle(waiting);
    }
    const { status, headers } = response;
    if (!(status >= 200 && status <= 599)) {
      throw new RangeError(`status ${status} is out of the range 200 to 599`);
    }
    this.#phase = "";

    if (this.#isBodiless(status)) {
      body?.cancel();
      return this.#atHand(status, headers, null);
    }
    const whole = body === null ? EMPTY : await body.whole();
    if (whole !== null) {
      if (hooks.responseBodyFilter === undefined) return this.#atHand(status, headers, whole);
      const chunk = whole.length > 0 ? whole : null;
      return this.#atHand(
        status,
        headers,
        filtered(await this.#bodyFilter("responseBodyFilter")(chunk, true), chunk),
      );
    }
    if (hooks.responseBodyFilter !== undefined || body!.length === undefined) {
      headers.delete("content-length");
    } else headers.set("content-length", String(body!.length));
    const filter = hooks.responseBodyFilter && this.#bodyFilter("responseBodyFilter");
    return this.#streamed(status, headers, filter ? new FilteredSource(body!, filter) : body!);
  }

  #isBodiless(status: number): boolean {
    return this.#front.method === "HEAD" || status === 204 || status === 205 || status === 304;
  }

  /** A body filter as a function of the chunk alone; what it throws is blamed on it. */
  #bodyFilter(name: "requestBodyFilter" | "responseBodyFilter"): ChunkFilter {
    const hook = this.#shared.hooks[name]!;
    return async (chunk, end) => {
      try {
        return await hook(this, chunk, end, this.#context);
      } catch (error) {
        throw hookError(name, error);
      }
    };
  }

  /** An answer that a hook made. */
  #answerWith(response: Response): FrontResponse {
    const { status, body } = response;
    if (status < 200 || response.bodyUsed) {
      throw hookError("", new TypeError("the Response cannot be sent: it was used up, or is an error"));
    }
    const headers = new HeaderList(response.headers);
    if (body === null || this.#isBodiless(status)) {
      body?.cancel().catch(() => {});
      return this.#atHand(status, headers, null);
    }
    return this.#streamed(status, headers, new StreamSource(body));
  }

  #atHand(status: number, headers: HeaderList, body: Uint8Array | null): FrontResponse {
    const { hooks, onEnd, watchdog } = this.#shared;
    this.status = status;
    this.bytesSent = body?.length ?? 0;
    watchdog.delete(this);
    const answer: FrontResponse = { status, headers, body, onSent: undefined };
    if (hooks.logging === undefined && onEnd === undefined) this.end(null);
    else answer.onSent = () => this.end(null);
    return answer;
  }

  #streamed(status: number, headers: HeaderList, source: BodySource): FrontResponse {
    this.status = status;
    const body = new TrackedSource(source, {
      passed: (n) => this.bytesSent += n,
      ended: (error) => this.end(error === null ? null : this.#explain(error)),
    });
    return { status, headers, body, onSent: undefined };
  }

  /** The answer after a final failure. */
  async #failed(error: ProxyError): Promise<FrontResponse> {
    const { hooks, watchdog } = this.#shared;
    watchdog.delete(this);
    let answer: FrontResponse | undefined;
    if (hooks.failToProxy !== undefined && error.type !== "client_gone") {
      try {
        const own = await hooks.failToProxy(this, error, this.#context);
        if (own !== undefined) answer = this.#answerWith(own);
      } catch (thrown) {
        getLogger("postern").error(`${this.#summary()}: ${messageOf(hookError("failToProxy", thrown))}`);
      }
    }
    if (answer === undefined) {
      const { status, headers, body } = errorPage(error, this.id);
      answer = { status, headers, body: this.#front.method === "HEAD" ? null : body, onSent: undefined };
      this.bytesSent = answer.body === null ? 0 : body.length;
    }
    this.status = error.status === 499 ? 499 : answer.status;
    answer.onSent = () => this.end(error);
    if (error.type === "client_gone") this.end(error);
    this.#report(error);
    return answer;
  }

  /** The end of the request, whichever way it came: settles accounts, once. */
  end(error: ProxyError | null): void {
    if (this.#ended) return;
    this.#ended = true;
    const { watchdog, counters, hooks, onEnd } = this.#shared;
    watchdog.delete(this);
    this.#body?.cancel();
    counters.active--;
    counters.requests++;
    counters.byClass[Math.floor(this.status / 100)]!++;
    if (error?.type === "client_gone") counters.clientGone++;
    if (onEnd !== undefined) onEnd(this.#entry(error));
    if (hooks.logging !== undefined) this.#logging(error);
  }

  async #logging(error: ProxyError | null): Promise<void> {
    try {
      await this.#shared.hooks.logging!(this, error, this.#context);
    } catch (thrown) {
      getLogger("postern").error(`${this.#summary()}: ${messageOf(hookError("logging", thrown))}`);
    }
  }

  #entry(error: ProxyError | null): AccessEntry {
    const { method, target, host } = this.#front;
    return {
      startedAt: Date.now() - this.elapsed,
      clientAddress: this.clientAddress,
      method,
      target,
      host,
      status: this.status,
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      flag: error?.flag ?? "-",
      upstream: this.#target?.label ?? "-",
      attempts: this.attempts,
      connectMs: this.#connectMs,
      firstByteMs: this.#firstByteMs,
      totalMs: this.elapsed,
      id: this.id,
    };
  }

  #report(error: ProxyError): void {
    const log = getLogger("postern");
    const line = `${this.#summary()}: ${error.status} ${error.flag} ${error.type}: ${error.message}`;
    if (error.source === "downstream") log.debug(line);
    else if (error.source === "upstream") log.warn(line);
    else log.error(line);
  }

  #summary(): string {
    const { method, host, target } = this.#front;
    return `${method} ${host}${target} (${this.id})`;
  }

  /** Waits for a hook, or until the request is aborted. */
  #settle<T>(value: Awaitable<T>): Awaitable<T> {
    if (!(value instanceof Promise)) return value;
    return new Promise((resolve, reject) => {
      if (this.#aborted !== undefined) return reject(this.#aborted);
      this.#rejectWait = reject;
      value.then(resolve, reject);
    });
  }

  #explain(error: unknown): ProxyError {
    if (this.#aborted !== undefined) return this.#aborted;
    if (error instanceof ProxyError) return error;
    return this.#phase === "" ? toProxyError(error, "internal") : hookError(this.#phase, error);
  }
}

const EMPTY = new Uint8Array();

function hookError(phase: string, error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  return new ProxyError("hook_failed", `hook ${phase} failed: ${messageOf(error)}`, { cause: error });
}

/** Framing is the proxy's: what a hook set of it is taken out. */
function removeFraming(headers: HeaderList): void {
  for (const name of ["content-length", "transfer-encoding", "connection", "expect", "te", "upgrade"]) {
    if (headers.has(name)) headers.delete(name);
  }
}
