/**
 * Calling a module's hooks with what came across, and putting into plain data what they did.
 *
 * @module
 */
import { type ErrorType, ProxyError } from "../http/errors.ts";
import type { Awaitable, ProxyModule, RequestHead, ResponseHead } from "../proxy/hooks.ts";
import type { GuestSession, KnownPeers } from "./guest_session.ts";
import { type HookName, packFields, unpackFields } from "./protocol.ts";

/** The largest body of a `Response` that a hook may give, in bytes: it crosses in one message. */
const MAX_BODY = 1024 * 1024;
/** The most characters that fields may have, and the most bytes of a chunk from a body filter. */
const MAX_FIELDS = 256 * 1024;
const MAX_CHUNK = 16 * 1024 * 1024;

/** Calls a hook; the result is plain data, undefined for nothing to say. */
export type GuestHook = (session: GuestSession, context: unknown, args: readonly unknown[]) => unknown;

/** The hooks of a module by name, ready for calls from the proxy. */
export function guestHooks(module: ProxyModule, peers: KnownPeers): Partial<Record<HookName, GuestHook>> {
  const peerOf = (text: unknown) => peers.peerOf(text as string);
  /** What the proxy asks for next, so that it need not. When that fails, it asks, and is told how. */
  const choose = (session: GuestSession, context: unknown): Awaitable<string | undefined> => {
    try {
      const peer = module.upstreamPeer?.(session, context);
      if (peer instanceof Promise) return peer.then((peer) => peers.textOf(peer)).catch(() => undefined);
      return peer && peers.textOf(peer);
    } catch {
      return undefined;
    }
  };
  return {
    requestFilter: (session, context) => {
      return then(module.requestFilter!(session, context), (answer) => {
        const { heads } = session;
        const head = heads && changedRequest(heads.after, heads.before);
        if (answer !== undefined) return packResponse(answer).then((response) => [response, head]);
        return then(choose(session, context), (peer) => {
          return head === undefined && peer === undefined ? undefined : [null, head, peer];
        });
      });
    },
    upstreamPeer: (session, context) =>
      then(module.upstreamPeer!(session, context), (peer) => peers.textOf(peer)),
    failToConnect: (session, context, [peer, error]) =>
      then(module.failToConnect!(session, peerOf(peer), errorOf(error)!, context), verdict),
    connectedToUpstream: (session, context, [peer, reused, localAddr]) =>
      then(
        module.connectedToUpstream!(
          session,
          { peer: peerOf(peer), reused: reused as boolean, localAddr: localAddr as Deno.Addr },
          context,
        ),
        nothing,
      ),
    upstreamRequestFilter: (session, context, [method, target, fields]) => {
      const request = {
        method: method as string,
        target: target as string,
        headers: unpackFields(fields as string),
      };
      const before = { ...request, fields: fields as string };
      return then(
        module.upstreamRequestFilter!(session, request, context),
        () => changedRequest(request, before),
      );
    },
    requestBodyFilter: (session, context, args) => {
      const [chunk, end] = args as [Uint8Array | null, boolean];
      return then(module.requestBodyFilter!(session, chunk, end, context), (out) => packChunk(out, chunk));
    },
    upstreamResponseFilter: (session, context, args) => {
      const response = responseHead(args);
      return then(
        module.upstreamResponseFilter!(session, response, context),
        () => changedResponse(response, args),
      );
    },
    responseFilter: (session, context, args) => {
      const response = responseHead(args);
      return then(module.responseFilter!(session, response, context), () => changedResponse(response, args));
    },
    responseBodyFilter: (session, context, args) => {
      const [chunk, end] = args as [Uint8Array | null, boolean];
      return then(module.responseBodyFilter!(session, chunk, end, context), (out) => packChunk(out, chunk));
    },
    errorWhileProxy: (session, context, [peer, error]) =>
      then(module.errorWhileProxy!(session, peerOf(peer), errorOf(error)!, context), verdict),
    failToProxy: (session, context, [error]) =>
      then(
        module.failToProxy!(session, errorOf(error)!, context),
        (answer) => answer === undefined ? undefined : packResponse(answer),
      ),
    // Called for every request whose context is kept, as that is when it can be forgotten.
    logging: (session, context, [error]) => then(module.logging?.(session, errorOf(error), context), nothing),
  };
}

/** A hook may return anything where nothing is expected; it is not sent. */
function nothing(): undefined {}

function verdict(result: unknown): boolean | undefined {
  return result === undefined ? undefined : result === true;
}

/** As `await`, but at once when there is nothing to wait for. */
function then<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

function errorOf(packed: unknown): ProxyError | null {
  if (packed === null) return null;
  const [type, message, retrySafe] = packed as [ErrorType, string, boolean];
  return Object.assign(new ProxyError(type, message), { retrySafe });
}

function changedRequest(
  { method, target, headers }: RequestHead,
  before: { method: string; target: string; fields: string },
): unknown {
  const fields = bounded(packFields(headers));
  const same = method === before.method && target === before.target && fields === before.fields;
  return same ? undefined : [bounded(String(method)), bounded(String(target)), fields];
}

function responseHead([status, fields]: readonly unknown[]): ResponseHead {
  return { status: status as number, headers: unpackFields(fields as string) };
}

function changedResponse({ status, headers }: ResponseHead, [was, fields]: readonly unknown[]): unknown {
  const packed = bounded(packFields(headers));
  return status === was && packed === fields ? undefined : [Number(status), packed];
}

async function packResponse(response: Response): Promise<unknown> {
  const { status, headers } = response;
  let body: Uint8Array | null = null;
  if (response.body !== null) {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of response.body) {
      length += part.length;
      if (length > MAX_BODY) {
        throw new RangeError(
          `Cannot answer with a body of more than ${MAX_BODY} bytes from a sandboxed module`,
        );
      }
      parts.push(part);
    }
    body = await new Blob(parts as Uint8Array<ArrayBuffer>[]).bytes();
  }
  return [status, bounded([...headers].flat().join("\n")), body];
}

/** A chunk left as it is has to go back: the proxy gave it away. */
function packChunk(result: Uint8Array | null | void, given: Uint8Array | null): unknown {
  const chunk = result === undefined ? given ?? undefined : result;
  if (chunk === undefined || chunk === null) return chunk;
  if (!(chunk instanceof Uint8Array)) {
    throw new TypeError(`it returned ${typeof chunk}, expected bytes, null or nothing`);
  }
  if (chunk.buffer instanceof ArrayBuffer && chunk.buffer.detached) {
    throw new TypeError("it returned bytes that it has given away");
  }
  if (chunk.length > MAX_CHUNK) throw new RangeError(`it returned a chunk of more than ${MAX_CHUNK} bytes`);
  // A view of a larger buffer would take all of it across, and shared memory could change after it was looked at.
  const isWhole = chunk.byteLength === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer;
  return isWhole ? chunk : new Uint8Array(chunk);
}

function bounded(text: string): string {
  if (text.length > MAX_FIELDS) {
    throw new RangeError(`it made a head of more than ${MAX_FIELDS} characters`);
  }
  return text;
}
