/**
 * Decoding the chunked transfer coding, RFC 9112 section 7.1, strictly.
 *
 * @module
 */
import { CR, LF } from "./bytes.ts";
import type { ProxyError } from "./errors.ts";
import { HeaderList } from "./headers.ts";

/** The longest chunk-size line, extensions included, in bytes. */
const MAX_SIZE_LINE = 4096;
/** The most bytes of trailer fields. */
const MAX_TRAILERS = 16 * 1024;

const SIZE = 0;
const DATA = 1;
const DATA_END = 2;
const TRAILER = 3;
const ENDED = 4;

const SIZE_LINE =
  /^([0-9A-Fa-f]{1,13})(?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*[ \t]*$/;
const TRAILER_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Takes a chunked body apart. Its state is between bytes: any split of the input gives the same output.
 * Extensions are checked and dropped, trailers are checked and kept.
 */
export class ChunkedDecoder {
  /** The trailer fields, if any; complete when {@linkcode ChunkedDecoder.ended}. */
  trailers: HeaderList | undefined = undefined;
  readonly #bad: (what: string) => ProxyError;
  #state = SIZE;
  #left = 0;
  #trailerBytes = 0;

  /** @param bad Makes the error for a body that is malformed. */
  constructor(bad: (what: string) => ProxyError) {
    this.#bad = bad;
  }

  /** Whether the body is over. */
  get ended(): boolean {
    return this.#state === ENDED;
  }

  /** How much of the present chunk is still to come. */
  get inChunk(): number {
    return this.#state === DATA ? this.#left : 0;
  }

  /** Counts bytes of the present chunk that went past the decoder. */
  skip(n: number): void {
    this.#left -= n;
    if (this.#left === 0) this.#state = DATA_END;
  }

  /**
   * Decodes the bytes from `start` to `end` as far as possible.
   *
   * @param pieces Receives the data, as views of the buffer.
   * @returns where the undecoded bytes begin
   * @throws {ProxyError} that the constructor's function makes
   */
  decode(buffer: Uint8Array, start: number, end: number, pieces: Uint8Array[]): number {
    let at = start;
    while (at < end && this.#state !== ENDED) {
      if (this.#state === DATA) {
        const n = Math.min(this.#left, end - at);
        pieces.push(buffer.subarray(at, at + n));
        at += n;
        this.skip(n);
      } else if (this.#state === DATA_END) {
        if (buffer[at] !== CR || (end - at > 1 && buffer[at + 1] !== LF)) {
          throw this.#bad("a chunk is longer than its size");
        }
        if (end - at === 1) break;
        at += 2;
        this.#state = SIZE;
      } else {
        const limit = this.#state === SIZE ? MAX_SIZE_LINE : MAX_TRAILERS - this.#trailerBytes;
        const lf = buffer.indexOf(LF, at);
        const found = lf >= 0 && lf < end;
        if ((found ? lf : end) - at > limit) {
          throw this.#bad("a chunk size, or the trailer section, is too long");
        }
        if (!found) break;
        if (lf === at || buffer[lf - 1] !== CR) {
          throw this.#bad("a line of the chunked body ends with a bare LF");
        }
        this.#line(String.fromCharCode(...buffer.subarray(at, lf - 1)));
        at = lf + 1;
      }
    }
    return at;
  }

  #line(line: string): void {
    if (this.#state === SIZE) {
      const size = SIZE_LINE.exec(line);
      if (size === null) throw this.#bad(`a chunk size is malformed: ${JSON.stringify(line.slice(0, 40))}`);
      this.#left = parseInt(size[1]!, 16);
      this.#state = this.#left > 0 ? DATA : TRAILER;
    } else if (line === "") {
      this.#state = ENDED;
    } else {
      if (!TRAILER_LINE.test(line)) throw this.#bad("a trailer field is malformed");
      this.#trailerBytes += line.length + 2;
      this.trailers ??= new HeaderList();
      const colon = line.indexOf(":");
      // Not `trim`, which would also take the bytes that are a no-break space in Latin-1 alone.
      this.trailers.lines.push(line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
    }
  }
}
