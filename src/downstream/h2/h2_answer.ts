/**
 * Sending an answer by HTTP/2.
 *
 * @module
 */
import type { BodySource } from "../../http/body.ts";
import { messageOf, ProxyError } from "../../http/errors.ts";
import { CODE } from "../../http/http2_frames.ts";
import { passedOn } from "../../http/trailers.ts";
import { type FrontResponse, giveUp } from "../front.ts";
import { saidLength } from "../tcp/send_answer.ts";
import { answerLines, trailerLines } from "./answer_lines.ts";
import type { H2Stream } from "./h2_stream.ts";
import type { Output } from "./output.ts";

const NOTHING = new Uint8Array();

/** Sends an answer, or tells whoever made it that it is not wanted. Never rejects. */
export async function sendOn(
  stream: H2Stream,
  output: Output,
  method: string,
  answer: FrontResponse,
): Promise<void> {
  const { body, status, headers, onSent } = answer;
  if (stream.isLeft) return giveUp(answer, stream.gone);
  try {
    if (body === null) {
      // The length is that of another answer's body.
      const isKept = method === "HEAD" || status === 304;
      stream.sendHead(answerLines(status, headers, isKept ? "kept" : status === 204 ? "none" : 0), true);
    } else if (body instanceof Uint8Array) {
      stream.sendHead(answerLines(status, headers, body.length), body.length === 0);
      if (body.length > 0) await stream.sendData(body, true);
    } else {
      const left = saidLength(answer);
      stream.sendHead(answerLines(status, headers, left === Infinity ? "none" : "kept"), false);
      await sendSource(stream, body, left);
    }
  } catch (error) {
    const why = error instanceof ProxyError
      ? error
      : new ProxyError("hook_failed", `The body failed: ${messageOf(error)}`);
    stream.reset(CODE.INTERNAL_ERROR, why);
    return giveUp(answer, stream.gone ?? why);
  }
  if (onSent !== undefined) output.afterwards((error) => onSent(error));
}

/** @param left The length that was declared, Infinity for none. */
async function sendSource(stream: H2Stream, source: BodySource, left: number): Promise<void> {
  for (let piece; (piece = await source.read()) !== null;) {
    if (piece.length > left) {
      throw new ProxyError("hook_failed", "The body was cut: it is longer than its content-length");
    }
    left -= piece.length;
    await stream.sendData(piece, left === 0);
  }
  if (stream.isOver) return;
  if (left !== 0 && left !== Infinity) {
    throw new ProxyError("hook_failed", "The body was cut: it is shorter than its content-length");
  }
  const trailers = passedOn(source.trailers);
  if (trailers !== undefined) stream.sendTrailers(trailerLines(trailers));
  else await stream.sendData(NOTHING, true);
}
