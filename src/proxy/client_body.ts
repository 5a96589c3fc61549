/**
 * The client's body on its way in.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";
import type { FrontBody } from "../downstream/front.ts";
import { type RequestState, tooLarge } from "./request_state.ts";

/** Bodies up to this length come as one piece: an upstream is not held up by a slow small upload. */
const GATHERED = 64 * 1024;
/** A client that sends fewer bytes a second is as good as silent... */
const SLOWEST = 256;
/** ... over a time-out of this many milliseconds or more. */
const PATIENT = 10_000;

/** The client's body, counted, bounded and timed piece by piece. */
export function watched(run: RequestState, source: FrontBody): BodySource {
  const { clientBodyTimeout } = run.shared.options;
  const { bodyLength, expectsContinue } = run.front;
  const next = () => timed(run, source.read());
  let read = next;
  // With a connection that waits for the body already, gathering would only keep it waiting.
  if (typeof bodyLength === "number" && bodyLength <= GATHERED && !expectsContinue) {
    const isQuick = clientBodyTimeout >= PATIENT && bodyLength <= clientBodyTimeout / 1000 * SLOWEST;
    // Reading in one go is much cheaper, but blind to the pieces.
    read = isQuick ? () => timed(run, source.whole()) : () => gathered(next, bodyLength);
  }
  return {
    read,
    get trailers() {
      return source.trailers;
    },
    cancel: () => source.cancel(),
  };
}

async function timed(run: RequestState, reading: Promise<Uint8Array | null>): Promise<Uint8Array | null> {
  const { watchdog, options } = run.shared;
  // A client that waits for the upstream's word is not slow.
  const waits = run.front.expectsContinue && run.bytesReceived === 0;
  run.clientDeadline = waits ? Infinity : watchdog.now + options.clientBodyTimeout;
  try {
    const piece = await reading;
    run.bytesReceived += piece?.length ?? 0;
    if (options.maxRequestBody > 0 && run.bytesReceived > options.maxRequestBody) {
      throw tooLarge(options.maxRequestBody);
    }
    return piece;
  } finally {
    run.clientDeadline = Infinity;
  }
}

/** All pieces in one. It reads on to the end: `Deno.serve` closes the connection of a body that was not. */
async function gathered(next: () => Promise<Uint8Array | null>, length: number): Promise<Uint8Array | null> {
  const first = await next();
  let piece = first && await next();
  if (first === null || piece === null) return first;
  const whole = new Uint8Array(length);
  whole.set(first);
  for (let at = first.length; piece !== null; piece = await next()) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
