/**
 * One attempt at an upstream: choose it, reach it, send the request, wait for the response's head.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";
import { type ProxyError, toProxyError } from "../http/errors.ts";
import { connect } from "../upstream/connect.ts";
import type { Connection } from "../upstream/connection.ts";
import { Exchange } from "../upstream/exchange.ts";
import { Http2Exchange } from "../upstream/h2/http2_exchange.ts";
import { Http2Session } from "../upstream/h2/session.ts";
import { type Peer, type PeerProtocol, type Target, targetOf } from "../upstream/peer.ts";
import { type AttemptObserver, observerOf } from "../upstream/peer_observer.ts";
import type { ResponseHead } from "../upstream/response_head.ts";
import type { AttemptTrace } from "../observe/tracing.ts";
import type { UpstreamExchange } from "../upstream/upstream_exchange.ts";
import { watched } from "./client_body.ts";
import type { RequestHead } from "./hooks.ts";
import { ReplayBody } from "./replay_body.ts";
import { isPromise } from "./hook_result.ts";
import { addOwn, outgoingRequest, reframe } from "./outgoing_request.ts";
import type { RequestState } from "./request_state.ts";
import { canRepeat } from "./retry_rules.ts";
import { upload } from "./upload.ts";

/** Request bodies up to this length are read before an upstream connection is taken. */
const READ_FIRST = 64 * 1024;

/** An attempt. Its exchange goes on with the response's body after it. */
export class Attempt {
  /** Whether its connection had served a request before. */
  reused = false;
  /** The request sent, which a filter may have changed. */
  request: RequestHead | undefined = undefined;
  /** The exchange, once there is a connection. */
  exchange: UpstreamExchange | undefined = undefined;
  readonly #run: RequestState;
  #peer: Peer | undefined = undefined;
  #target: Target | undefined = undefined;
  #connecting: AbortController | undefined = undefined;
  #observer: AttemptObserver | undefined = undefined;
  /** Whether the observer is still to be told of the end. */
  #observed = false;
  #begunAt = 0;
  #trace: AttemptTrace | undefined = undefined;
  /** Whether a connection was opened for it: by HTTP/2, it may share another's. */
  #opened = false;

  constructor(run: RequestState) {
    this.#run = run;
  }

  /** The upstream, for the logs. */
  get label(): string {
    return this.#target?.label ?? "-";
  }

  /**
   * Goes through the phases up to the response's head. No step waits that need not: each is a function that gives back
   * a promise of the rest only if it has to.
   *
   * @param fresh Asks for a new connection, as a reused one just turned out to be dead.
   * @param before What that was found out by: this one goes on in its place.
   */
  run(fresh: boolean, before?: Attempt): Promise<ResponseHead> {
    const run = this.#run;
    if (before !== undefined) {
      this.#observer = before.#observer;
      this.#observed = before.#observed;
      before.#observed = false;
      before.#trace?.end(null);
      run.tried.pop();
      return this.#reach(before.#peer!, fresh);
    }
    run.phase = "upstreamPeer";
    const peer = run.shared.hooks.upstreamPeer!(run, run.context);
    return isPromise(peer)
      ? run.wait(peer).then((peer) => this.#reach(peer, fresh))
      : this.#reach(peer, fresh);
  }

  #reach(peer: Peer, fresh: boolean): Promise<ResponseHead> {
    const run = this.#run;
    const target = this.#target = targetOf(peer);
    if (!this.#observed) {
      this.#observer = observerOf(peer)?.begin(run.tried.length === 0);
      this.#observed = this.#observer !== undefined;
    }
    if (this.#observed) this.#begunAt = performance.now();
    run.phase = "";
    this.#peer = peer;
    run.tried.push(peer);
    this.#trace = run.trace?.attempt(this.label, run.tried.length);
    const body = this.#body();
    if (body !== null && this.#isShort()) {
      return run.wait(body.read()).then((first) => this.#take(target, fresh, body, first ?? undefined));
    }
    return this.#take(target, fresh, body);
  }

  #take(target: Target, fresh: boolean, body: BodySource | null, first?: Uint8Array): Promise<ResponseHead> {
    const { shared, front } = this.#run;
    // What may switch protocols needs a connection of its own.
    const protocol = target.protocol === "auto" && front.upgrade !== null ? "http1" : target.protocol;
    const connection = fresh
      ? undefined
      : (protocol === "http1" ? undefined : shared.pool.http2.take(target)) ?? shared.pool.take(target);
    if (connection === undefined) {
      return this.#connect(target, protocol).then((connection) => {
        this.reused = !fresh && !this.#opened;
        if (this.reused) shared.counters.reuses++;
        return this.#connected(connection, body, first);
      });
    }
    this.reused = true;
    shared.counters.reuses++;
    this.#run.connectMs = 0;
    return this.#connected(connection, body, first);
  }

  #connected(
    connection: Connection | Http2Session,
    body: BodySource | null,
    first?: Uint8Array,
  ): Promise<ResponseHead> {
    const run = this.#run;
    const { hooks, pool, watchdog } = run.shared;
    const exchange = this.exchange = connection instanceof Http2Session
      ? new Http2Exchange(connection)
      : new Exchange(connection, watchdog, pool);
    if (run.aborted !== undefined) throw run.aborted;
    if (hooks.connectedToUpstream === undefined) return this.#filter(body, first);
    run.phase = "connectedToUpstream";
    const { reused } = this;
    const { localAddr } = exchange;
    const waiting = hooks.connectedToUpstream(run, { peer: this.#peer!, reused, localAddr }, run.context);
    return isPromise(waiting)
      ? run.wait(waiting).then(() => this.#filter(body, first))
      : this.#filter(body, first);
  }

  #filter(body: BodySource | null, first?: Uint8Array): Promise<ResponseHead> {
    const run = this.#run;
    const { hooks } = run.shared;
    const request = outgoingRequest(run);
    this.#trace?.tell(request.headers);
    if (hooks.upstreamRequestFilter === undefined) {
      if (hooks.requestFilter !== undefined) reframe(request.headers, this.#target!);
      return this.#send(request, body, first);
    }
    run.phase = "upstreamRequestFilter";
    const waiting = hooks.upstreamRequestFilter(run, request, run.context);
    if (isPromise(waiting)) {
      return run.wait(waiting).then(() => {
        reframe(request.headers, this.#target!);
        return this.#send(request, body, first);
      });
    }
    reframe(request.headers, this.#target!);
    return this.#send(request, body, first);
  }

  #send(request: RequestHead, body: BodySource | null, first?: Uint8Array): Promise<ResponseHead> {
    const run = this.#run;
    const { bodyLength } = run.front;
    const exchange = this.exchange!;
    this.request = request;
    const isUploaded = body !== null && first === undefined;
    const isChunked = isUploaded &&
      (run.shared.hooks.requestBodyFilter !== undefined || bodyLength === undefined);
    addOwn(request.headers, run.front, isChunked);
    const response = exchange.begin(request, isChunked ? "chunked" : bodyLength!, first, {
      upload: isUploaded ? () => void upload(run, exchange, body, isChunked) : undefined,
      onInterim: run.front.inform && ((head) => run.interim(head)),
      expectsContinue: run.front.expectsContinue,
      mayUpgrade: run.front.upgrade !== null,
    });
    run.phase = "";
    return response;
  }

  /**
   * Whether all that failed is that a pooled connection was dead before the upstream took the request: no attempt was made,
   * if all of the body can still be sent.
   */
  foundDead(error: ProxyError): boolean {
    return this.reused && error.type === "upstream_closed" && this.exchange?.wasStale === true &&
      this.#run.body?.replayable !== false;
  }

  /** Ends the attempt after a failure; whether there should be another one. */
  async fail(error: ProxyError): Promise<boolean> {
    const run = this.#run;
    const { hooks } = run.shared;
    this.abort(error);
    this.over(error);
    if (run.aborted !== undefined || error.source !== "upstream" || this.#peer === undefined) return false;
    const { exchange } = this;
    const hook = exchange === undefined ? "failToConnect" : "errorWhileProxy";
    error.retrySafe = canRepeat(run, this.request?.method ?? "", exchange);
    let again = error.retrySafe && (exchange === undefined || this.#diedUnanswered(error));
    if (hooks[hook] !== undefined) {
      try {
        let verdict = hooks[hook](run, this.#peer, error, run.context);
        if (isPromise(verdict)) verdict = await run.wait(verdict);
        if (verdict !== undefined) again = verdict && error.retrySafe;
      } catch (thrown) {
        run.phase = hook;
        throw thrown;
      }
    }
    return again;
  }

  /** Whether its upstream can bear another attempt. */
  mayRetry(): boolean {
    return this.#observer?.mayRetry() ?? true;
  }

  /** The response's head is there. */
  answered(status: number): void {
    this.#trace?.answered(status);
    this.#observer?.answered(status, performance.now() - this.#begunAt);
  }

  /** Nothing of it occupies the upstream any more. */
  over(error: ProxyError | null): void {
    this.#trace?.end(error);
    this.#trace = undefined;
    if (!this.#observed) return;
    this.#observed = false;
    const observer = this.#observer!;
    if (error?.source === "upstream") observer.failed(error);
    observer.end();
  }

  /** Looks at the upstream's deadlines. */
  tick(now: number): void {
    this.exchange?.tick(now);
  }

  /** Stops wherever it is. */
  abort(error: ProxyError): void {
    this.#connecting?.abort(error);
    this.exchange?.abort(error);
  }

  /** The usual end of a connection that its upstream had given up while it was idle. */
  #diedUnanswered(error: ProxyError): boolean {
    const { received, wrote } = this.exchange!;
    return error.type === "upstream_closed" && !received && (this.reused || !wrote);
  }

  async #connect(target: Target, protocol: PeerProtocol): Promise<Connection | Http2Session> {
    const run = this.#run;
    const begun = performance.now();
    this.#connecting = new AbortController();
    const { signal } = this.#connecting;
    if (run.aborted !== undefined) this.#connecting.abort(run.aborted);
    const open = async (signal: AbortSignal) => {
      const client = target.proxyProtocol === undefined ? undefined : run.front.endpoints();
      const connection = await connect(target, signal, client, protocol);
      run.shared.counters.connects++;
      this.#opened = true;
      return connection;
    };
    try {
      if (protocol === "http1") return await open(signal);
      return await run.shared.pool.http2.reach(target, signal, open);
    } catch (error) {
      throw toProxyError(error, "connect_failed");
    } finally {
      this.#connecting = undefined;
      run.connectMs = performance.now() - begun;
    }
  }

  /** The request's body from its beginning, or null when it has none. */
  #body(): BodySource | null {
    const run = this.#run;
    if (run.front.bodyLength === null || run.front.bodyLength === 0) return null;
    run.body ??= new ReplayBody(watched(run, run.front.body()));
    return run.body.fromStart();
  }

  #isShort(): boolean {
    const { front, shared } = this.#run;
    return typeof front.bodyLength === "number" && front.bodyLength <= READ_FIRST &&
      !front.expectsContinue && shared.hooks.requestBodyFilter === undefined;
  }
}
