/**
 * The fields of an answer by HTTP/2.
 *
 * @module
 */
import { type HeaderList, isName } from "../../http/headers.ts";
import { isHopByHop } from "../../http/hop_by_hop.ts";
import { httpDate } from "../tcp/answer_head.ts";

/** What an answer says of its length: what its fields say, nothing, or that many bytes. */
export type SaidLength = "kept" | "none" | number;

/** Names, in lower case, and values in turns, the status first. */
export function answerLines(status: number, headers: HeaderList, length: SaidLength): string[] {
  const lines = [":status", String(status)];
  let hasDate = status < 200;
  for (let i = 0; i < headers.lines.length; i += 2) {
    const name = headers.lines[i]!;
    if (isHopByHop(name) || length !== "kept" && isName(name, "content-length")) continue;
    hasDate ||= isName(name, "date");
    lines.push(name.toLowerCase(), headers.lines[i + 1]!.trim());
  }
  if (!hasDate) lines.push("date", httpDate());
  if (typeof length === "number") lines.push("content-length", String(length));
  return lines;
}

/** Trailer fields as they are sent. */
export function trailerLines({ lines }: HeaderList): string[] {
  return lines.map((text, i) => i % 2 === 0 ? text.toLowerCase() : text.trim());
}
