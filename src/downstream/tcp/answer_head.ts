/**
 * Writing the head of an HTTP/1.1 response.
 *
 * @module
 */
import { STATUS_TEXT } from "@std/http";
import { COLON, CR, LF, putString, SP } from "../../http/bytes.ts";
import { isName } from "../../http/headers.ts";
import { isHopByHop } from "../../http/hop_by_hop.ts";
import type { FrontResponse } from "../front.ts";
import { BUFFER_SIZE, SMALL_SIZE, takeBuffer, takeSmallBuffer } from "./buffers.ts";

/** How an answer's body is framed: bytes, chunked, until the connection closes, or as its fields say. */
export type AnswerFraming = number | "chunked" | "close" | "kept";

/** What the connection adds to an answer. */
export interface AnswerFields {
  /** Replaces the answer's own `Content-Length`, unless it is `kept`. */
  framing: AnswerFraming;
  /** The `Connection` field; "" for none. */
  connection: "" | "close" | "keep-alive";
}

/** A head in a buffer. */
export interface WrittenHead {
  /** Where it lies, from the first byte on, with room behind it. */
  buffer: Uint8Array<ArrayBuffer>;
  /** How long it is. */
  length: number;
}

/** Room left for a body behind a head that is too large for an ordinary buffer. */
const ROOM = 4096;

/** Writes a head into a buffer, which the caller gives back. */
export function writeAnswerHead(answer: FrontResponse, { framing, connection }: AnswerFields): WrittenHead {
  const { status, reason, tunnel, body } = answer;
  const { lines } = answer.headers;
  let size = 256 + (reason?.length ?? 0);
  for (let i = 0; i < lines.length; i++) size += lines[i]!.length + 2;
  const whole = body === null ? size : body instanceof Uint8Array ? size + body.length : Infinity;
  const buffer = whole <= SMALL_SIZE
    ? takeSmallBuffer()
    : size + ROOM <= BUFFER_SIZE
    ? takeBuffer()
    : new Uint8Array(size + ROOM);
  let at = putString(buffer, 0, "HTTP/1.1 ");
  at = putString(buffer, at, String(status));
  buffer[at++] = SP;
  at = putString(buffer, at, reason ?? STATUS_TEXT[status as keyof typeof STATUS_TEXT] ?? "");
  buffer[at++] = CR;
  buffer[at++] = LF;
  let hasDate = false;
  let hasUpgrade = false;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    switch (name.length) {
      case 4:
        hasDate ||= isName(name, "date");
        break;
      case 7:
        if (framing !== "chunked" && isName(name, "trailer")) continue;
        if (tunnel === undefined && isName(name, "upgrade")) {
          if (status !== 426) continue;
          hasUpgrade = true;
        }
        break;
      case 14:
        if (framing !== "kept" && isName(name, "content-length")) continue;
        break;
      default:
        if (tunnel === undefined && isHopByHop(name)) continue;
    }
    at = putString(buffer, at, name);
    buffer[at++] = COLON;
    buffer[at++] = SP;
    at = putString(buffer, at, lines[i + 1]!);
    buffer[at++] = CR;
    buffer[at++] = LF;
  }
  if (!hasDate && status >= 200) {
    httpDate();
    at = putString(buffer, at, dateLine);
  }
  if (typeof framing === "number") {
    at = putString(buffer, at, "content-length: ");
    at = putString(buffer, at, String(framing));
    buffer[at++] = CR;
    buffer[at++] = LF;
  } else if (framing === "chunked") {
    at = putString(buffer, at, "transfer-encoding: chunked\r\n");
  }
  if (hasUpgrade) at = putString(buffer, at, "connection: upgrade\r\n");
  if (connection !== "") {
    at = putString(
      buffer,
      at,
      connection === "close" ? "connection: close\r\n" : "connection: keep-alive\r\n",
    );
  }
  buffer[at++] = CR;
  buffer[at++] = LF;
  return { buffer, length: at };
}

let dateSecond = -1;
let date = "";

let dateLine = "";

/** The value of Date: RFC 9110 section 6.6.1 wants one in every response; it is made once a second. */
export function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(second * 1000).toUTCString();
    dateLine = `date: ${date}\r\n`;
  }
  return date;
}
