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

/** The `Response` of an answer; `info` tells when a body without stream has left. */
export function serveResponse(answer: FrontResponse, info: Deno.ServeHandlerInfo): Response {
  const { status, body, onSent } = answer;
  const isFlat = body === null || (body instanceof Uint8Array && body.length <= FLAT);
  const response = new Response(
    isFlat ? body as Uint8Array<ArrayBuffer> | null : streamOf(body),
    status === 200 ? undefined : { status },
  );
  // Deno.serve counts flat bodies itself, and HTTP/2 clients fail on a 204 with a length.
  const dropLength = (isFlat && body !== null) || status === 204 || status === 205;
  const { headers } = response;
  const { lines } = answer.headers;
  // One by one: the constructor's own copying costs four times as much.
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    if (isHopByHop(name) || (dropLength && isName(name, "content-length"))) continue;
    headers.append(name, lines[i + 1]!);
  }
  if (!isFlat && body instanceof Uint8Array) headers.set("content-length", String(body.length));
  // Without a length, a 205 of Deno.serve leaves the client waiting.
  if (status === 205) headers.append("content-length", "0");
  if (onSent !== undefined) info.completed.then(onSent, onSent);
  return response;
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
