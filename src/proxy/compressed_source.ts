/**
 * Bodies on their way through a compressor.
 *
 * @module
 */
import type * as Zlib from "node:zlib";
import type { BodySource } from "../http/body.ts";
import type { ProxyError } from "../http/errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { Coding } from "./compression_options.ts";

interface Compressor {
  create(): Zlib.Gzip | Zlib.BrotliCompress | Zlib.ZstdCompress;
  compress(bytes: Uint8Array): Uint8Array;
  readonly flush: number;
}

let compressors: Promise<Readonly<Record<Coding, Compressor>>> | undefined;

/** Loaded with the first use: most proxies leave compression to their upstreams, and start sooner without. */
async function load(): Promise<Readonly<Record<Coding, Compressor>>> {
  const zlib = await import("node:zlib");
  const { constants } = zlib;
  // Effort: what compresses as it is sent has no time for more.
  const gzip = { level: 5 };
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
  const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
  return {
    gzip: {
      create: () => zlib.createGzip(gzip),
      compress: (bytes) => zlib.gzipSync(bytes, gzip),
      flush: constants.Z_SYNC_FLUSH,
    },
    br: {
      create: () => zlib.createBrotliCompress(brotli),
      compress: (bytes) => zlib.brotliCompressSync(bytes, brotli),
      flush: constants.BROTLI_OPERATION_FLUSH,
    },
    zstd: {
      create: () => zlib.createZstdCompress(zstd),
      compress: (bytes) => zlib.zstdCompressSync(bytes, zstd),
      flush: constants.ZSTD_e_flush,
    },
  };
}

/** Compresses a body that is at hand. */
export async function compressed(bytes: Uint8Array, coding: Coding): Promise<Uint8Array> {
  return (await (compressors ??= load()))[coding].compress(bytes);
}

/**
 * Compresses a body as it comes. Whenever it is not known that there is more at once, all that there is so far is let out: an
 * event reaches the client when it happens.
 */
export class CompressedSource implements BodySource {
  readonly #source: BodySource;
  readonly #coding: Coding;
  readonly #out: Uint8Array[] = [];
  #stream: ReturnType<Compressor["create"]> | undefined = undefined;
  #flush = 0;
  #fail: ((error: Error) => void) | undefined = undefined;
  #isOver = false;

  /** Takes the source over. */
  constructor(source: BodySource, coding: Coding) {
    this.#source = source;
    this.#coding = coding;
  }

  /** The next piece, or null. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const piece = this.#out.shift();
      if (piece !== undefined) return piece;
      if (this.#isOver) return null;
      try {
        await this.#advance();
      } catch (error) {
        this.#end();
        throw error;
      }
    }
  }

  /** The trailer fields of what is compressed. */
  get trailers(): HeaderList | undefined {
    return this.#source.trailers;
  }

  /** Gives the rest up. */
  cancel(reason?: ProxyError): void {
    this.#source.cancel(reason);
    this.#end();
  }

  async #advance(): Promise<void> {
    const piece = await this.#source.read();
    if (this.#stream === undefined) await this.#begin();
    if (this.#isOver) return;
    const stream = this.#stream!;
    if (piece === null) {
      await this.#done((resolve) => stream.once("end", resolve).end());
      return this.#end();
    }
    await this.#done((resolve) => stream.write(piece, () => resolve()));
    if (!this.#source.isReady && !this.#isOver) {
      await this.#done((resolve) => stream.flush(this.#flush, resolve));
    }
  }

  async #begin(): Promise<void> {
    const { create, flush } = (await (compressors ??= load()))[this.#coding];
    if (this.#isOver) return;
    this.#flush = flush;
    this.#stream = create();
    this.#stream.on("data", (chunk: Uint8Array) => void this.#out.push(chunk));
    this.#stream.on("error", (error: Error) => this.#fail?.(error));
  }

  /** Waits for a step of the compressor, or for its being given up. */
  #done(step: (resolve: () => void) => void): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      this.#stream!.once("close", resolve);
      step(resolve);
    }).finally(() => this.#stream?.removeAllListeners("close"));
  }

  #end(): void {
    this.#isOver = true;
    this.#stream?.destroy();
  }
}
