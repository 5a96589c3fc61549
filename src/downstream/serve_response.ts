/**
 * Turning the request path's answer into a `Response` for `Deno.serve`.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";
import { isName } from "../http/headers.ts";
import { isHopByHop } from "../http/hop_by_hop.ts";
import type { FrontResponse } from "./front.ts";

/** Bytes up to this many go into a `Response` as they are; it copies them, which for more costs more than a stream. */
const FLAT = 16 * 1024;

/**
 * The `Response` of an answer.
 *
 * @param method The request's method.
 * @param info Tells when a body without stream has left.
 */
export function serveResponse(answer: FrontResponse, method: string, info: Deno.ServeHandlerInfo): Response {
  const { body, onSent } = answer;
  // Deno.serve sends a 205 without any length, and the client would wait for the connection's end.
  const status = answer.status === 205 ? 204 : answer.status;
  const isFlat = body === null || (body instanceof Uint8Array && body.length <= FLAT);
  const response = new Response(
    isFlat ? flatBody(answer, status, method) : streamOf(body),
    status === 200 ? undefined : { status },
  );
  // Deno.serve counts flat bodies itself, and HTTP/2 clients fail on a 204 with a length.
  const dropLength = (isFlat && body !== null) || status === 204;
  const { headers } = response;
  const { lines } = answer.headers;
  // One by one: the constructor's own copying costs four times as much.
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    if (isHopByHop(name) || isName(name, "trailer") || (dropLength && isName(name, "content-length"))) {
      continue;
    }
    headers.append(name, lines[i + 1]!);
  }
  if (!isFlat && body instanceof Uint8Array) headers.set("content-length", String(body.length));
  if (onSent !== undefined) {
    const sent = () => onSent();
    info.completed.then(sent, sent);
  }
  return response;
}

/** A null body is given `content-length: 0` by Deno.serve, which for HEAD may be wrong; an empty stream is not. */
function flatBody({ headers, body }: FrontResponse, status: number, method: string) {
  if (method !== "HEAD" || status === 304 || status === 204 || headers.has("content-length")) {
    return body as Uint8Array<ArrayBuffer> | null;
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (controller) => controller.close() });
}

function streamOf(source: Uint8Array | BodySource): ReadableStream<Uint8Array> {
  if (source instanceof Uint8Array) {
    return new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(source);
        controller.close();
      },
    }, { highWaterMark: 0 });
  }
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = await source.read();
      if (piece === null) controller.close();
      else controller.enqueue(piece);
    },
    cancel() {
      source.cancel();
    },
  }, { highWaterMark: 0 });
}
