/**
 * The client's body on its way in.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";
import { type RequestState, tooLarge } from "./request_state.ts";

/** The client's body, counted, bounded and timed. */
export function watched(run: RequestState, source: BodySource): BodySource {
  const { watchdog, options } = run.shared;
  return {
    async read() {
      run.clientDeadline = watchdog.now + options.clientBodyTimeout;
      try {
        const chunk = await source.read();
        run.bytesReceived += chunk?.length ?? 0;
        if (options.maxRequestBody > 0 && run.bytesReceived > options.maxRequestBody) {
          throw tooLarge(options.maxRequestBody);
        }
        return chunk;
      } finally {
        run.clientDeadline = Infinity;
      }
    },
    cancel: () => source.cancel(),
  };
}
