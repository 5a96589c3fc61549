/**
 * The way back: an upstream's response, or a hook's, becomes the answer to the client.
 *
 * @module
 */
import { type BodySource, StreamSource } from "../http/body.ts";
import { ProxyError } from "../http/errors.ts";
import { HeaderList } from "../http/headers.ts";
import type { FrontResponse } from "../downstream/front.ts";
import type { BodyReader } from "../http/body_reading.ts";
import type { ResponseHead as UpstreamHead } from "../upstream/response_head.ts";
import type { Attempt } from "./attempt.ts";
import { compressed, CompressedSource } from "./compressed_source.ts";
import { bodyFilter, filtered, FilteredSource } from "./filtered_source.ts";
import type { Awaitable, ResponseHead } from "./hooks.ts";
import { isPromise } from "./hook_result.ts";
import type { RequestState } from "./request_state.ts";
import { TrackedSource } from "./tracked_source.ts";
import { keepAdvice, switched, switchedTo } from "./upgrade.ts";

/** A client is not thought to leave within this time, in milliseconds: looking costs more than the rest of a quick answer. */
const QUICK = 5;

/** Takes the upstream's response through the filters; a promise only if one of them, or the body, is waited for. */
export function relay(run: RequestState, attempt: Attempt, head: UpstreamHead): Awaitable<FrontResponse> {
  const { hooks } = run.shared;
  run.firstByteMs = run.elapsed;
  const protocol = head.status === 101 ? switchedTo(run, attempt, head) : undefined;
  const body = protocol === undefined ? attempt.exchange!.readBody(head, attempt.request!.method) : null;
  if (head.status === 426) keepAdvice(head);
  const response: ResponseHead = { status: head.status, headers: head.headers };
  const next = (): Awaitable<FrontResponse> => {
    run.phase = "";
    checkStatus(run, response, head);
    if (protocol === undefined) return deliver(run, response, head, body);
    if (response.status === 101) {
      return switched(run, response, head.reason, protocol, attempt.exchange!.detach());
    }
    attempt.abort(new ProxyError("client_gone", "A hook refused the other protocol"));
    return atHand(run, response, null);
  };
  if (hooks.upstreamResponseFilter === undefined) return filterResponse(run, response, next);
  run.phase = "upstreamResponseFilter";
  const waiting = hooks.upstreamResponseFilter(run, response, run.context);
  if (isPromise(waiting)) return run.wait(waiting).then(() => filterResponse(run, response, next));
  return filterResponse(run, response, next);
}

function filterResponse(
  run: RequestState,
  response: ResponseHead,
  next: () => Awaitable<FrontResponse>,
): Awaitable<FrontResponse> {
  const { hooks } = run.shared;
  if (hooks.responseFilter === undefined) return next();
  run.phase = "responseFilter";
  const waiting = hooks.responseFilter(run, response, run.context);
  return isPromise(waiting) ? run.wait(waiting).then(next) : next();
}

/** A status is what the client can be told; a 101 is the upstream's to give. */
function checkStatus(run: RequestState, { status }: ResponseHead, head: UpstreamHead): void {
  const { maxStatus } = run.front;
  if (status === head.status) {
    if (status <= maxStatus) return;
    throw new ProxyError("bad_response", `The upstream's status ${status} cannot be passed on by this front`);
  }
  if (Number.isInteger(status) && status >= 200 && status <= maxStatus) return;
  throw new RangeError(`status ${status} is out of the range 200 to ${maxStatus}`);
}

function deliver(
  run: RequestState,
  response: ResponseHead,
  head: UpstreamHead,
  body: BodyReader | null,
): Awaitable<FrontResponse> {
  const { status } = response;
  const reason = status === head.status ? head.reason : undefined;
  if (isBodiless(run, status)) {
    body?.cancel();
    run.shared.compression?.(run.request, response, lengthOf(response));
    return atHand(run, response, null, reason);
  }
  const whole = body === null ? null : body.whole(run.front.gatherUpTo);
  if (whole instanceof Promise) return whole.then((whole) => deliverBody(run, response, body, whole, reason));
  return deliverBody(run, response, body, whole, reason);
}

function deliverBody(
  run: RequestState,
  response: ResponseHead,
  body: BodyReader | null,
  whole: Uint8Array | null,
  reason: string | undefined,
): Awaitable<FrontResponse> {
  const { hooks } = run.shared;
  const filter = hooks.responseBodyFilter && bodyFilter(run, "responseBodyFilter");
  if (body === null || whole !== null) {
    if (filter === undefined) return wholeBody(run, response, whole, reason);
    return run.wait(filter(whole, true)).then((result) =>
      wholeBody(run, response, filtered(result, whole), reason)
    );
  }
  const { headers } = response;
  const isKnown = filter === undefined && body.length !== undefined;
  if (isKnown) headers.set("content-length", String(body.length));
  else headers.delete("content-length");
  const source = filter ? new FilteredSource(body, filter) : body;
  return streamedBody(run, response, source, isKnown ? body.length : undefined, reason);
}

/** A body that is at hand, compressed where that is wanted. */
function wholeBody(
  run: RequestState,
  response: ResponseHead,
  body: Uint8Array | null,
  reason: string | undefined,
): Awaitable<FrontResponse> {
  const coding = run.shared.compression?.(run.request, response, body?.length ?? 0);
  if (coding === undefined || body === null) return atHand(run, response, body, reason);
  return compressed(body, coding).then((body) => atHand(run, response, body, reason));
}

/** A body that is still to come, compressed where that is wanted. */
function streamedBody(
  run: RequestState,
  response: ResponseHead,
  source: BodySource,
  length: number | undefined,
  reason?: string,
): FrontResponse {
  const coding = run.shared.compression?.(run.request, response, length);
  return streamed(
    run,
    response,
    coding === undefined ? source : new CompressedSource(source, coding),
    reason,
  );
}

/** The length that a head without a body tells of. */
function lengthOf({ headers }: ResponseHead): number | undefined {
  const length = headers.get("content-length");
  return length === null ? undefined : Number(length);
}

/** An answer that a hook made. */
export function answerWith(run: RequestState, response: Response): FrontResponse {
  const { status, body } = response;
  if (status < 200 || response.bodyUsed) throw new TypeError("its Response was used up, or is an error");
  const headers = new HeaderList(response.headers);
  if (body !== null && !isBodiless(run, status)) {
    const head = { status, headers };
    return streamedBody(run, head, new StreamSource(body), lengthOf(head));
  }
  body?.cancel().catch(() => {});
  return atHand(run, { status, headers }, null);
}

function isBodiless(run: RequestState, status: number): boolean {
  return run.front.method === "HEAD" || status === 204 || status === 205 || status === 304;
}

function atHand(
  run: RequestState,
  { status, headers }: ResponseHead,
  body: Uint8Array | null,
  reason?: string,
): FrontResponse {
  const { hooks, onEnd, watchdog } = run.shared;
  run.status = status;
  if (body !== null) run.bytesSent = body.length;
  watchdog.delete(run);
  const slow = run.elapsed > QUICK;
  if (!slow && hooks.logging === undefined && onEnd === undefined) {
    run.end();
    return { status, reason, headers, body, onSent: undefined };
  }
  if (slow) run.watchClient();
  return { status, reason, headers, body, onSent: (error) => run.end(run.aborted ?? error ?? null) };
}

function streamed(
  run: RequestState,
  { status, headers }: ResponseHead,
  source: BodySource,
  reason?: string,
): FrontResponse {
  run.status = status;
  run.deadline = Infinity;
  const { watchdog, options } = run.shared;
  const body = new TrackedSource(source, {
    wanted: () => run.sendDeadline = Infinity,
    passed(n) {
      run.bytesSent += n;
      run.sendDeadline = watchdog.now + options.clientWriteTimeout;
    },
    ended: (error) => error === null ? run.end() : run.end(run.explain(error)),
  });
  run.stream = body;
  if (run.elapsed > QUICK) run.watchClient();
  return { status, reason, headers, body, onSent: undefined };
}
