/**
 * An upstream that speaks HTTP/2 as Node's does.
 *
 * @module
 */
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { KeyPair } from "./certs.ts";
import { within } from "./wire.ts";

/**
 * The origin. Dispose of the proxy first: all connections must have been closed by then. Destroying them from this side
 * can end the process (nghttp2 in Deno 2.9.6, "Assertion `stream->closed_next == NULL' failed").
 */
export interface Http2Origin extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Connections accepted so far. */
  readonly connections: number;
}

/** Answers a request. */
export type Http2Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: string[]) => void;

/** Starts one: in plain text, or over TLS with a certificate. */
export async function http2Origin(handler: Http2Handler, pair?: KeyPair): Promise<Http2Origin> {
  const server = pair === undefined ? createServer() : createSecureServer({ cert: pair.cert, key: pair.key });
  let connections = 0;
  server.on("session", (session: ServerHttp2Session) => {
    connections++;
    session.on("error", () => {});
  });
  server.on("sessionError", () => {});
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _: number, raw: string[]) => {
    stream.on("error", () => {});
    handler(stream, headers, raw);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await within(closed, "the upstream's connections to be closed");
    },
  };
}

/** All of a request's body. */
export async function bodyOf(stream: ServerHttp2Stream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
