/**
 * When a request may be sent once more.
 *
 * @module
 */
import type { UpstreamExchange } from "../upstream/upstream_exchange.ts";
import type { RequestState } from "./request_state.ts";

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/**
 * A request may go out again only if it cannot have been acted on, or acting on it twice does no harm.
 *
 * @param sent The method that was sent, which a filter may have changed.
 */
export function canRepeat(
  { body, request }: RequestState,
  sent: string,
  exchange: UpstreamExchange | undefined,
): boolean {
  if (body !== undefined && !body.replayable) return false;
  if (exchange === undefined || !exchange.wrote) return true;
  return IDEMPOTENT.has(request.method) && IDEMPOTENT.has(sent);
}
