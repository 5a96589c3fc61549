/**
 * Sending an answer: its head together with as much of its body as is there, then the rest as it comes.
 *
 * @module
 */
import type { BodySource } from "../../http/body.ts";
import { CR, LF, putString } from "../../http/bytes.ts";
import { lastChunk } from "../../http/chunked_encoder.ts";
import { ProxyError } from "../../http/errors.ts";
import { isName } from "../../http/headers.ts";
import { passedOn } from "../../http/trailers.ts";
import type { FrontResponse } from "../front.ts";
import { type AnswerFraming, writeAnswerHead, type WrittenHead } from "./answer_head.ts";
import { giveBuffer, SMALL_SIZE, takeBuffer, takeSmallBuffer } from "./buffers.ts";
import type { ClientSocket } from "./client_socket.ts";
import { type DirectSource, PieceReader } from "./piece_reader.ts";
import type { TcpRequest } from "./tcp_request.ts";

/** Room for a chunk's size line: up to five digits, and CRLF. */
const SIZE_LINE = 7;
const CRLF = 2;
/** Where it shows that a body is longer than was declared. */
const NOTHING = new Uint8Array(1);
/** With less room than this in a buffer, what is in it is sent first. */
const LEAST = 1024;

/**
 * Sends an answer.
 *
 * @param again Whether the connection could go on.
 * @returns whether it does
 * @throws when the client is gone, or the body failed
 */
export async function sendAnswer(
  client: ClientSocket,
  { method, isHttp11 }: TcpRequest,
  answer: FrontResponse,
  again: boolean,
): Promise<boolean> {
  const { body, status } = answer;
  let framing: AnswerFraming;
  let left = Infinity;
  if (body === null) {
    const saysLength = method === "HEAD" || status === 304;
    framing = status === 204 || status === 101 ? "close" : saysLength ? keptLength(answer) : 0;
  } else if (body instanceof Uint8Array) {
    framing = body.length;
  } else {
    left = saidLength(answer);
    framing = left !== Infinity ? "kept" : isHttp11 ? "chunked" : "close";
    if (framing === "close") again = false;
  }
  const connection = status === 101 || (again && isHttp11) ? "" : again ? "keep-alive" : "close";
  const head = writeAnswerHead(answer, { framing, connection });
  const { buffer, length } = head;
  if (body === null) {
    await client.write(buffer.subarray(0, length));
  } else if (!(body instanceof Uint8Array)) {
    return await stream(client, body, head, left, framing === "chunked") && again;
  } else if (body.length <= buffer.length - length) {
    buffer.set(body, length);
    await client.write(buffer.subarray(0, length + body.length));
  } else {
    await client.write(buffer.subarray(0, length));
    await client.write(body);
  }
  giveBuffer(buffer);
  return again;
}

/** Without a body, the length is that of another answer's body: it is kept, if it is one. */
function keptLength(answer: FrontResponse): "kept" | "close" {
  return saidLength(answer) === Infinity ? "close" : "kept";
}

/** What the answer says of the length of a body that is still to come; Infinity for nothing, or nothing of sense. */
export function saidLength({ headers: { lines } }: FrontResponse): number {
  for (let i = 0; i < lines.length; i += 2) {
    if (isName(lines[i]!, "content-length")) {
      return /^\d{1,15}$/.test(lines[i + 1]!) ? Number(lines[i + 1]) : Infinity;
    }
  }
  return Infinity;
}

/**
 * Sends a body behind its head; whether all of it went out.
 *
 * @param left The length that was declared.
 */
async function stream(
  client: ClientSocket,
  source: BodySource,
  head: WrittenHead,
  left: number,
  chunked: boolean,
): Promise<boolean> {
  const pieces = source.readInto === undefined ? new PieceReader(source) : source as DirectSource;
  const before = chunked ? SIZE_LINE : 0;
  const behind = chunked ? CRLF : 0;
  /** What is to be sent lies from `from` to `at`. */
  let from = 0;
  let at = head.length;
  let { buffer } = head;
  /** Whether much comes at a time: by its length, or as the last piece that was waited for did. */
  let isFast = left > SMALL_SIZE && left !== Infinity;
  for (;;) {
    const isSmall = buffer.length === SMALL_SIZE;
    const isToChange = isFast ? isSmall : !isSmall && !pieces.isReady;
    if (isToChange || buffer.length - at < LEAST) {
      if (at > from) await client.write(buffer.subarray(from, at));
      from = at = 0;
    }
    if (isToChange) {
      giveBuffer(buffer);
      buffer = isFast ? takeBuffer() : takeSmallBuffer();
    }
    const start = at + before;
    const room = left === 0
      ? NOTHING
      : buffer.subarray(start, Math.min(buffer.length - behind, start + left));
    let n = pieces.readInto(room);
    if (n instanceof Promise) {
      if (at > from) {
        // What is there does not wait for what is not; the buffer's parts do not touch.
        const reading = n;
        reading.catch(() => {});
        await client.write(buffer.subarray(from, at));
      }
      n = await n;
      isFast = n === room.length || n !== null && n >= SMALL_SIZE;
      from = at = n === null || !chunked ? start : start - sizeLine(n);
    }
    if (n === null) break;
    if (left === 0) {
      source.cancel(new ProxyError("hook_failed", "The body was cut: it is longer than its content-length"));
      break;
    }
    left -= n;
    if (!chunked) {
      at = start + n;
      continue;
    }
    const digits = sizeLine(n);
    // Behind a head, the chunk moves up to it.
    if (at + digits < start) buffer.copyWithin(at + digits, start, start + n);
    putString(buffer, at, `${n.toString(16)}\r\n`);
    at += digits + n;
    buffer[at++] = CR;
    buffer[at++] = LF;
  }
  if (chunked) {
    const last = lastChunk(passedOn(source.trailers));
    if (last.length <= buffer.length - at) {
      buffer.set(last, at);
      at += last.length;
    } else {
      await client.write(buffer.subarray(from, at));
      from = at = 0;
      await client.write(last);
    }
  }
  if (at > from) await client.write(buffer.subarray(from, at));
  giveBuffer(buffer);
  return left === Infinity || left === 0;
}

/** How long the line is that says a chunk's size. */
function sizeLine(n: number): number {
  return (n < 16 ? 1 : n < 256 ? 2 : n < 4096 ? 3 : n < 65536 ? 4 : 5) + CRLF;
}
