/**
 * Answering without an upstream.
 *
 * @module
 */
import type { Rule } from "./rule.ts";

/** Settings of {@linkcode respond}. */
export interface RespondOptions {
  /** The status. @default {200} */
  readonly status?: number | undefined;
  /** Header fields. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The body, sent as UTF-8. @default {""} */
  readonly body?: string | undefined;
}

/** Statuses whose answers have no body. */
const BODILESS: readonly number[] = [204, 205, 304];

/** Answers every request in the same way; a HEAD gets the same fields, `content-length` among them. */
export function respond({ status = 200, headers = {}, body = "" }: RespondOptions): Rule {
  const bytes = BODILESS.includes(status) || body === "" ? null : new TextEncoder().encode(body);
  const fields = new Headers(headers);
  if (bytes !== null) {
    if (!fields.has("content-type")) fields.set("content-type", "text/plain; charset=utf-8");
    fields.set("content-length", `${bytes.length}`);
  }
  return { requestFilter: () => new Response(bytes, { status, headers: fields }) };
}
