/**
 * Several modules as one.
 *
 * @module
 */
import { filtered } from "../proxy/filtered_source.ts";
import { isPromise } from "../proxy/hook_result.ts";
import type { Awaitable, FilteredChunk, ModulePermissions, ProxyModule, Session } from "../proxy/hooks.ts";
import type { Rule } from "./rule.ts";

/**
 * A module that runs the hooks of its parts in order, those for responses in reverse, so that the first part is the
 * outermost. Where a hook decides something, the first part that gives a result has decided; the peer is chosen by the
 * last part that can. Each part has its own context. An answer made by a part passes the `answerFilter` of those ahead
 * of it. Nothing is waited for unless a part returns a promise.
 *
 * Of what the parts declare, lists are put together; otherwise the last one holds.
 */
export function compose(parts: readonly Rule[]): ProxyModule {
  if (parts.length === 1) return parts[0]!;
  const whole: ProxyModule = declared(parts);
  const hasContexts = parts.some(({ newContext }) => newContext !== undefined);
  if (hasContexts) whole.newContext = () => contextsOf(parts);
  // There are none yet where making one of them failed.
  const own = (contexts: unknown, index: number) =>
    hasContexts ? (contexts as unknown[] | undefined)?.[index] : undefined;
  const having = (hook: keyof Rule): Part[] =>
    parts.flatMap((part, index) => part[hook] === undefined ? [] : [{ part, index }]);

  const answerFilters = having("answerFilter");
  const answered = (session: Session, response: Response, before: number, context: unknown): Response => {
    const isFiltered = answerFilters.length > 0 && answerFilters[0]!.index < before;
    // What is no answer is for the proxy to refuse.
    if (!isFiltered || !(response instanceof Response) || response.status < 200) return response;
    // A copy: a part may give the same object for every request, and what comes from fetch cannot be changed.
    const changed = new Response(response.body, response);
    for (let i = answerFilters.length - 1; i >= 0; i--) {
      const { part, index } = answerFilters[i]!;
      if (index < before) part.answerFilter!(session, changed.headers, own(context, index));
    }
    return changed;
  };

  const answer = (response: Awaitable<Response | void>, session: Session, before: number, context: unknown) =>
    isPromise(response)
      ? response.then((response) => response && answered(session, response, before, context))
      : response && answered(session, response, before, context);

  const asked = having("requestFilter");
  if (asked.length > 0) {
    whole.requestFilter = (session, context) =>
      first(
        asked,
        ({ part, index }) =>
          answer(part.requestFilter!(session, own(context, index)), session, index, context),
      );
  }
  const chooser = having("upstreamPeer").at(-1);
  if (chooser !== undefined) {
    const { part, index } = chooser;
    whole.upstreamPeer = (session, context) => part.upstreamPeer!(session, own(context, index));
  }
  for (const hook of ["failToConnect", "errorWhileProxy"] as const) {
    const deciding = having(hook);
    if (deciding.length === 0) continue;
    whole[hook] = (session, peer, error, context) =>
      first(deciding, ({ part, index }) => part[hook]!(session, peer, error, own(context, index)));
  }
  const connected = having("connectedToUpstream");
  if (connected.length > 0) {
    whole.connectedToUpstream = (session, info, context) =>
      each(connected, ({ part, index }) => part.connectedToUpstream!(session, info, own(context, index)));
  }
  const requested = having("upstreamRequestFilter");
  if (requested.length > 0) {
    whole.upstreamRequestFilter = (session, request, context) =>
      each(
        requested,
        ({ part, index }) => part.upstreamRequestFilter!(session, request, own(context, index)),
      );
  }
  for (const hook of ["upstreamResponseFilter", "responseFilter"] as const) {
    const responding = having(hook).reverse();
    if (responding.length === 0) continue;
    whole[hook] = (session, response, context) =>
      each(responding, ({ part, index }) => part[hook]!(session, response, own(context, index)));
  }
  for (const hook of ["requestBodyFilter", "responseBodyFilter"] as const) {
    const filters = having(hook);
    if (filters.length === 0) continue;
    if (hook === "responseBodyFilter") filters.reverse();
    const call = ({ part, index }: Part, session: Session, context: unknown): ChunkFilter => (chunk, end) =>
      part[hook]!(session, chunk, end, own(context, index));
    whole[hook] = (session, chunk, end, context) =>
      through(filters.map((filter) => call(filter, session, context)), chunk, end);
  }
  const failing = having("failToProxy");
  if (failing.length > 0) {
    whole.failToProxy = (session, error, context) =>
      first(
        failing,
        ({ part, index }) =>
          answer(part.failToProxy!(session, error, own(context, index)), session, index, context),
      );
  }
  const logged = having("logging");
  if (logged.length > 0) {
    whole.logging = (session, error, context) =>
      all(logged, ({ part, index }) => part.logging!(session, error, own(context, index)));
  }
  return whole;
}

interface Part {
  readonly part: Rule;
  readonly index: number;
}

type ChunkFilter = (chunk: Uint8Array | null, end: boolean) => Awaitable<FilteredChunk>;

function contextsOf(parts: readonly Rule[]): Awaitable<unknown[]> {
  const contexts = parts.map((part) => part.newContext?.());
  return contexts.some(isPromise) ? Promise.all(contexts) : contexts;
}

/** What the first part gives that gives anything; those behind it are not asked. */
function first<T>(
  parts: readonly Part[],
  ask: (part: Part) => Awaitable<T | void>,
  from = 0,
): Awaitable<T | void> {
  for (let i = from; i < parts.length; i++) {
    const result = ask(parts[i]!);
    if (isPromise(result)) {
      return result.then((result) => result === undefined ? first(parts, ask, i + 1) : result);
    }
    if (result !== undefined) return result;
  }
}

/** One after the other, until one fails. */
function each(
  parts: readonly Part[],
  run: (part: Part) => Awaitable<unknown>,
  from = 0,
): Awaitable<void> {
  for (let i = from; i < parts.length; i++) {
    const result = run(parts[i]!);
    if (isPromise(result)) return result.then(() => each(parts, run, i + 1));
  }
}

/** One after the other, whether they fail or not; then the first failure is thrown. */
async function all(parts: readonly Part[], run: (part: Part) => Awaitable<unknown>): Promise<void> {
  const errors: unknown[] = [];
  for (const part of parts) {
    try {
      await run(part);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** A chunk on its way through filters: what one holds back, the next does not see, but all see the end. */
function through(
  filters: readonly ChunkFilter[],
  chunk: Uint8Array | null,
  end: boolean,
  isLate = end && chunk === null,
  from = 0,
): Awaitable<Uint8Array | null> {
  for (let i = from; i < filters.length; i++) {
    if (chunk === null && !end) return null;
    const out = filterChunk(filters[i]!, chunk, end, isLate);
    if (isPromise(out)) return out.then((out) => through(filters, out, end, isLate, i + 1));
    chunk = out;
  }
  return chunk;
}

function filterChunk(
  filter: ChunkFilter,
  chunk: Uint8Array | null,
  end: boolean,
  isLate: boolean,
): Awaitable<Uint8Array | null> {
  if (isLate && chunk !== null) return flushed(filter, chunk);
  const result = filter(chunk, end);
  return isPromise(result) ? result.then((result) => checked(result, chunk)) : checked(result, chunk);
}

/** What a filter ahead let out when it saw the end comes ahead of the end, as it would from the body itself. */
async function flushed(filter: ChunkFilter, chunk: Uint8Array): Promise<Uint8Array | null> {
  const before = checked(await filter(chunk, false), chunk);
  const last = checked(await filter(null, true), null);
  if (before === null || last === null) return before ?? last;
  const both = new Uint8Array(before.length + last.length);
  both.set(before);
  both.set(last, before.length);
  return both;
}

function checked(result: FilteredChunk, chunk: Uint8Array | null): Uint8Array | null {
  if (result !== undefined && result !== null && !(result instanceof Uint8Array)) {
    throw new TypeError(`it returned ${typeof result}, expected bytes, null or nothing`);
  }
  return filtered(result, chunk);
}

/** What the parts declare beside hooks. */
function declared(parts: readonly ProxyModule[]): ProxyModule {
  const whole: ProxyModule = {};
  for (const { listen, listener, net, permissions, upstreams, options, backgroundServices } of parts) {
    if (listen !== undefined) whole.listen = listen;
    if (listener !== undefined) whole.listener = { ...whole.listener, ...listener };
    if (net !== undefined) whole.net = [...whole.net ?? [], ...net];
    if (permissions !== undefined) whole.permissions = joined(whole.permissions, permissions);
    if (upstreams !== undefined) whole.upstreams = upstreams;
    if (options !== undefined) whole.options = { ...whole.options, ...options };
    if (backgroundServices !== undefined) {
      whole.backgroundServices = [...whole.backgroundServices ?? [], ...backgroundServices];
    }
  }
  return whole;
}

function joined(some: ModulePermissions = {}, more: ModulePermissions): ModulePermissions {
  const both = { ...some };
  for (const name of Object.keys(more) as (keyof ModulePermissions)[]) {
    both[name] = [...some[name] ?? [], ...more[name] ?? []];
  }
  return both;
}
