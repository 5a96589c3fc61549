/**
 * The answer of a rule that lets a request go no further.
 *
 * @module
 */
import { pageFields, pageText } from "../proxy/error_page.ts";
import type { Session } from "../proxy/hooks.ts";

/** The same few words as after a failure: the status and the request id. */
export function refusal({ id }: Session, status: number): Response {
  return new Response(pageText(status, id), { status, headers: pageFields(id) });
}
