/**
 * The status page's stream of changes.
 *
 * @module
 */
import { sections } from "./page.ts";
import type { Status } from "./status.ts";

/** How often what has changed is sent, in milliseconds. */
const EVERY = 1_000;

/** Server-sent events: lists of a section's id and its new HTML. They end with the signal, or when nobody reads on. */
export function live(status: () => Status, mayAct: boolean, signal: AbortSignal): Response {
  const encoder = new TextEncoder();
  const sent = new Map<string, string>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let end = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = () => {
        // A reader that does not keep up gets less, not more later.
        if ((controller.desiredSize ?? 0) <= 0) return;
        const changed: [string, string][] = [];
        for (const [id, { text }] of sections(status(), mayAct)) {
          if (sent.get(id) === text) continue;
          sent.set(id, text);
          changed.push([id, text]);
        }
        const event = changed.length === 0 ? ":\n\n" : `data: ${JSON.stringify(changed)}\n\n`;
        controller.enqueue(encoder.encode(event));
      };
      end = () => {
        clearInterval(timer);
        signal.removeEventListener("abort", end);
        try {
          controller.close();
        } catch { /* the reader closed it before */ }
      };
      if (signal.aborted) return end();
      signal.addEventListener("abort", end);
      timer = setInterval(send, EVERY);
      send();
    },
    cancel: () => end(),
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}
