/**
 * A body on its way through a hook.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";
import type { HeaderList } from "../http/headers.ts";
import type { Awaitable, FilteredChunk } from "./hooks.ts";
import { hookError } from "./hook_result.ts";
import type { RequestState } from "./request_state.ts";

/** What a body filter is called with. */
export type ChunkFilter = (chunk: Uint8Array | null, end: boolean) => Awaitable<FilteredChunk>;

/** Passes every chunk, and the end, through a filter. */
export class FilteredSource implements BodySource {
  readonly #source: BodySource;
  readonly #filter: ChunkFilter;
  #ended = false;

  /** Takes the source over. */
  constructor(source: BodySource, filter: ChunkFilter) {
    this.#source = source;
    this.#filter = filter;
  }

  /** The next chunk that the filter lets out, or null. */
  async read(): Promise<Uint8Array | null> {
    while (!this.#ended) {
      const chunk = await this.#source.read();
      this.#ended = chunk === null;
      const out = filtered(await this.#filter(chunk, this.#ended), chunk);
      if (out !== null) return out;
    }
    return null;
  }

  /** The trailer fields of what is filtered. */
  get trailers(): HeaderList | undefined {
    return this.#source.trailers;
  }

  /** Gives the rest up. */
  cancel(): void {
    this.#source.cancel();
  }
}

/** What a filter's result means for the chunk it was given; nothing to pass on is null. */
export function filtered(result: FilteredChunk, chunk: Uint8Array | null): Uint8Array | null {
  const out = result === undefined ? chunk : result;
  if (out === null || out.length === 0) return null;
  return out;
}

/** A body filter of the module as a function of the chunk alone; what it throws is blamed on it. */
export function bodyFilter(
  run: RequestState,
  name: "requestBodyFilter" | "responseBodyFilter",
): (chunk: Uint8Array | null, end: boolean) => Promise<FilteredChunk> {
  const hook = run.shared.hooks[name]!;
  return async (chunk, end) => {
    try {
      const result = await hook(run, chunk, end, run.context);
      if (result === undefined || result === null || result instanceof Uint8Array) return result;
      throw new TypeError(`it returned ${typeof result}, expected bytes, null or nothing`);
    } catch (error) {
      throw hookError(name, error);
    }
  };
}
