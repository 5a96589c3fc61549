/**
 * One request on its way through the phases.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { ProxyError, toProxyError } from "../http/errors.ts";
import type { FrontRequest, FrontResponse } from "../downstream/front.ts";
import type { RequestTrace } from "../observe/tracing.ts";
import type { ResponseHead as UpstreamHead } from "../upstream/response_head.ts";
import type { Peer } from "../upstream/peer.ts";
import type { Watched } from "../http/watchdog.ts";
import { Attempt } from "./attempt.ts";
import { errorPage } from "./error_page.ts";
import { hookError, isPromise } from "./hook_result.ts";
import type { RequestHead } from "./hooks.ts";
import { answerWith, relay } from "./relay.ts";
import { overdue } from "./overdue.ts";
import type { ReplayBody } from "./replay_body.ts";
import { accessEntry, report, summary } from "./report.ts";
import { type RequestState, type Shared, tooLarge } from "./request_state.ts";
import { requestId } from "./request_id.ts";

/** The time that `failToProxy` gets, in milliseconds: the request may have used up all of its own. */
const FAIL_TIME = 5_000;

/** A request, from its arrival to its end. Hooks see it as their {@linkcode Session}. */
export class Run implements RequestState, Watched {
  readonly id: string;
  readonly clientAddress: string;
  readonly scheme: string;
  readonly request: RequestHead;
  readonly tried: Peer[] = [];
  status = 0;
  bytesSent = 0;
  bytesReceived = 0;
  slot = -1;

  readonly shared: Shared;
  readonly front: FrontRequest;
  readonly listener: string;
  readonly trace: RequestTrace | undefined;
  context: unknown = undefined;
  phase = "";
  attempt: Attempt | undefined = undefined;
  body: ReplayBody | undefined = undefined;
  stream: RequestState["stream"] = undefined;
  aborted: ProxyError | undefined = undefined;
  deadline: number;
  clientDeadline = Infinity;
  sendDeadline = Infinity;
  connectMs = -1;
  firstByteMs = -1;
  readonly #startedAt = performance.now();
  #rejectWait: ((error: ProxyError) => void) | undefined = undefined;
  #failure: ProxyError | null = null;
  #controller: AbortController | undefined = undefined;
  #ticks = 0;
  #watching = false;
  #ended = false;

  constructor(shared: Shared, front: FrontRequest, listener: string) {
    this.shared = shared;
    this.listener = listener;
    this.front = front;
    this.id = requestId(front.givenId);
    this.clientAddress = front.clientAddress;
    this.scheme = front.scheme;
    this.trace = shared.tracing?.(front, shared.route);
    this.request = { method: front.method, target: front.target, headers: front.headers };
    shared.watchdog.add(this);
    shared.counters.active++;
    shared.activity.begin();
    this.deadline = shared.watchdog.now + shared.options.totalTimeout;
  }

  get attempts(): number {
    return this.tried.length;
  }

  get elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  get upgrade(): string | null {
    return this.front.upgrade;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.aborted !== undefined) this.#controller.abort(this.aborted);
    return this.#controller.signal;
  }

  get upstream(): string {
    return this.attempt?.label ?? "-";
  }

  /** The answer. Never rejects. */
  async answer(): Promise<FrontResponse> {
    const { hooks } = this.shared;
    try {
      if (hooks.newContext !== undefined) {
        this.phase = "newContext";
        this.context = hooks.newContext();
        if (isPromise(this.context)) this.context = await this.wait(this.context);
        this.phase = "";
      }
      this.#check();
      if (hooks.requestFilter !== undefined) {
        this.phase = "requestFilter";
        let early = hooks.requestFilter(this, this.context);
        if (isPromise(early)) early = await this.wait(early);
        if (early !== undefined) return answerWith(this, early);
        this.phase = "";
      }
      if (hooks.upstreamPeer === undefined) throw new ProxyError("no_route", "The module chose no upstream");
      let stale = false;
      let before: Attempt | undefined;
      while (true) {
        const attempt = this.attempt = new Attempt(this);
        try {
          const head = await attempt.run(stale, before);
          attempt.answered(head.status);
          const relayed = relay(this, attempt, head);
          const answer = isPromise(relayed) ? await relayed : relayed;
          // All of the response is here: the rest is between the proxy and its client.
          if (this.stream === undefined) attempt.over(null);
          return answer;
        } catch (error) {
          const failure = this.explain(error);
          before = this.aborted === undefined && attempt.foundDead(failure) ? attempt : undefined;
          if (before === undefined) await this.#tryAgain(attempt, failure);
          else attempt.abort(failure);
          stale = attempt.reused;
        }
      }
    } catch (error) {
      return await this.#fail(this.explain(error));
    }
  }

  /** Looks at the deadlines; from the second tick on, also at the client: a quick request does without. */
  tick(now: number): void {
    if (++this.#ticks === 2) this.watchClient();
    this.attempt?.tick(now);
    const error = overdue(this, now);
    if (error !== undefined) this.abort(error);
  }

  watchClient(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.front.onGone((error) => this.abort(error));
  }

  interim({ status, reason, headers }: UpstreamHead): void {
    this.front.inform!(status, reason, headers);
    const { clientBodyTimeout } = this.shared.options;
    if (status === 100 && this.front.expectsContinue) {
      this.clientDeadline = this.shared.watchdog.now + clientBodyTimeout;
    }
  }

  stop(): void {
    this.abort(new ProxyError("shutting_down", "The proxy was stopped"));
  }

  /** Ends the request with an error, whatever it is waiting for. */
  abort(error: ProxyError): void {
    if (this.#ended || this.aborted !== undefined) return;
    this.aborted = error;
    this.#controller?.abort(error);
    this.attempt?.abort(error);
    this.stream?.abort(error);
    this.#rejectWait?.(error);
  }

  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(resolve, reject);
      if (this.aborted !== undefined) return reject(this.aborted);
      this.#rejectWait = reject;
    });
  }

  explain(error: unknown): ProxyError {
    if (this.aborted !== undefined) return this.aborted;
    return this.phase === "" ? toProxyError(error, "internal") : hookError(this.phase, error);
  }

  end(error: ProxyError | null = this.#failure): void {
    if (this.#ended) return;
    this.#ended = true;
    const { watchdog, counters, activity, hooks, onEnd } = this.shared;
    watchdog.delete(this);
    this.body?.cancel();
    this.attempt?.over(error);
    // The answer of a tunnel was complete before its client left.
    if (error?.type === "client_gone" && this.status !== 101) this.status = error.status;
    counters.end(this.status);
    if (error !== null && error !== this.#failure) report(this, error);
    if (error?.type === "client_gone") counters.clientGone++;
    this.trace?.end(this.status, error);
    if (onEnd !== undefined) onEnd(accessEntry(this, error));
    if (hooks.logging === undefined) activity.end();
    else this.#log(error).finally(() => activity.end());
  }

  /** Returns if there is to be another attempt, throws the error if not. */
  async #tryAgain(attempt: Attempt, error: ProxyError): Promise<void> {
    const { options, counters } = this.shared;
    this.phase = "";
    const again = await attempt.fail(error);
    const isLast = !again || !(this.attempts <= options.retries) || this.aborted !== undefined;
    if (isLast || !attempt.mayRetry()) throw error;
    counters.retries++;
    getLogger("postern").debug(`${summary(this)}: attempt ${this.attempts} failed: ${error.message}`);
  }

  #check(): void {
    const { method, bodyLength, refused } = this.front;
    const { allowTrace, maxRequestBody } = this.shared.options;
    if (refused !== undefined) throw refused;
    if (method === "TRACE" && !allowTrace) throw new ProxyError("method_not_allowed", "Refused method TRACE");
    if (maxRequestBody > 0 && bodyLength && bodyLength > maxRequestBody) throw tooLarge(maxRequestBody);
  }

  /** The answer after a final failure. */
  async #fail(error: ProxyError): Promise<FrontResponse> {
    const { hooks } = this.shared;
    this.#failure = error;
    let answer: FrontResponse | undefined;
    this.phase = "";
    if (hooks.failToProxy !== undefined && error.type !== "client_gone") {
      this.aborted = undefined;
      this.deadline = this.shared.watchdog.now + FAIL_TIME;
      try {
        let own = hooks.failToProxy(this, error, this.context);
        if (isPromise(own)) own = await this.wait(own);
        if (own !== undefined) answer = answerWith(this, own);
      } catch (thrown) {
        const { aborted } = this as Run;
        if (aborted?.type === "client_gone") error = this.#failure = aborted;
        else getLogger("postern").error(`${summary(this)}: ${hookError("failToProxy", thrown).message}`);
      }
    }
    const gone = error.type === "client_gone";
    answer ??= errorPage(error, this.id, this.front.method);
    this.shared.watchdog.delete(this);
    this.status = gone ? error.status : answer.status;
    this.bytesSent = answer.body instanceof Uint8Array ? answer.body.length : 0;
    report(this, error);
    if (gone) this.end();
    else answer.onSent = () => this.end();
    return answer;
  }

  async #log(error: ProxyError | null): Promise<void> {
    try {
      await this.shared.hooks.logging!(this, error, this.context);
    } catch (thrown) {
      getLogger("postern").error(`${summary(this)}: ${hookError("logging", thrown).message}`);
    }
  }
}
