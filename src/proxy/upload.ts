/**
 * The request's body on its way to the upstream.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";
import { passedOn } from "../http/trailers.ts";
import type { UpstreamExchange } from "../upstream/upstream_exchange.ts";
import { bodyFilter, FilteredSource } from "./filtered_source.ts";
import type { RequestState } from "./request_state.ts";

/** Sends the body beside the wait for the response, which may come before the body's end. */
export async function upload(
  run: RequestState,
  exchange: UpstreamExchange,
  body: BodySource,
  chunked: boolean,
): Promise<void> {
  const filter = run.shared.hooks.requestBodyFilter && bodyFilter(run, "requestBodyFilter");
  // An attempt that is over may still be waiting for a chunk; that is for the filter of the next attempt.
  const source = filter
    ? new FilteredSource(body, (chunk, end) => exchange.ended ? null : filter(chunk, end))
    : body;
  try {
    for (let piece; (piece = await source.read()) !== null;) {
      if (exchange.ended || !await exchange.trySend(piece, chunked)) return;
    }
    if (!chunked || await exchange.trySendLastChunk(passedOn(source.trailers))) exchange.sent();
  } catch (error) {
    exchange.abort(run.explain(error));
  }
}
