/**
 * Reading the body of a request of `Deno.serve`.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";
import type { FrontBody } from "./front.ts";

/** So many turns of the event loop after the end of a body, the news that its client cancelled it has arrived. */
const TURNS = 4;

/**
 * A body that `Deno.serve` hands on: all but those of GET and HEAD.
 *
 * One by HTTP/2 that its client cancels ends as if it was complete. It fails here: by its length, or else by the
 * client's going away, of which `Deno.serve` tells a little later.
 */
export class ServeBody implements FrontBody {
  readonly #request: Request;
  readonly #length: number | undefined;
  #mayBeCut: boolean;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined = undefined;
  /** Asked for at once: `Deno.serve` does not tell it of what happened before. */
  #signal: AbortSignal | undefined = undefined;
  #first: Promise<Uint8Array | null> | undefined = undefined;
  #received = 0;
  #ended = false;

  /**
   * Reads nothing yet.
   *
   * @param length What it says of its length.
   * @param mayBeCut Whether one that seems empty may have been cancelled.
   */
  constructor(request: Request, length: number | undefined, mayBeCut: boolean) {
    this.#request = request;
    this.#length = length;
    this.#mayBeCut = mayBeCut;
  }

  async read(): Promise<Uint8Array | null> {
    const reading = this.#first ?? this.#next();
    this.#first = undefined;
    const piece = await reading;
    if (piece === null) {
      this.#check();
      if (this.#mayBeCut) await this.#settle();
    }
    return piece;
  }

  async whole(): Promise<Uint8Array | null> {
    if (this.#ended) return null;
    this.#ended = true;
    let bytes;
    try {
      bytes = await this.#request.bytes();
    } catch (error) {
      throw explained(error);
    }
    this.#received = bytes.length;
    this.#check();
    return bytes.length > 0 ? bytes : null;
  }

  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader?.cancel().catch(() => {});
  }

  /** Whether its end is here already with nothing before it. Nothing is waited for, nor lost; if not, it is by HTTP/2. */
  async isEmpty(): Promise<boolean> {
    this.#signal = this.#request.signal;
    const first = this.#first = this.#next();
    // What is here is read before any timer fires.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = new Promise<boolean>((resolve) => timer = setTimeout(resolve, 0, false));
    const empty = await Promise.race([first.then((piece) => piece === null, () => false), later]);
    clearTimeout(timer);
    if (empty && !this.#mayBeCut) return true;
    this.#mayBeCut = true;
    return empty && await this.#settle().then(() => true, () => false);
  }

  async #next(): Promise<Uint8Array | null> {
    if (this.#ended) return null;
    try {
      this.#reader ??= this.#request.body!.getReader();
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#received += value.length;
        if (value.length > 0) return value;
      }
    } catch (error) {
      throw explained(error);
    }
    this.#ended = true;
    return null;
  }

  /** Waits until news of the client's going away is not to be expected any more. */
  async #settle(): Promise<void> {
    const signal = this.#signal!;
    for (let turn = 0; turn < TURNS && !signal.aborted; turn++) {
      await new Promise((next) => setTimeout(next, 0));
    }
    if (signal.aborted) throw cutShort();
  }

  #check(): void {
    if (this.#length !== undefined && this.#received !== this.#length) throw cutShort();
  }
}

/** `Deno.serve` fails a read alike when the client went away and when its chunks are malformed. */
function explained(error: unknown): ProxyError {
  return error instanceof Error && error.message.includes("invalid HTTP/1 request")
    ? new ProxyError("bad_request", "Refused request: its chunked body is malformed")
    : cutShort(error);
}

function cutShort(cause?: unknown): ProxyError {
  return new ProxyError("client_gone", "The client went away in the middle of its request's body", { cause });
}
