/**
 * Connections of clients over sockets that are only made up: thousands of requests a second, split wherever a test likes.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { concat } from "../../src/http/body.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { HeaderList } from "../../src/http/headers.ts";
import { Watchdog } from "../../src/http/watchdog.ts";
import type { FrontRequest, FrontResponse } from "../../src/downstream/front.ts";
import { ClientConnection } from "../../src/downstream/tcp/client_connection.ts";
import { limitsOf } from "../../src/downstream/tcp/limits.ts";
import type { Server } from "../../src/downstream/tcp/server.ts";
import type { ListenerOptions } from "../../src/mod.ts";
import { latin1 } from "./origin.ts";

/** How a handler reads a body. */
export type Reading = "pieces" | "whole" | "none";

/** A request as the handler got it. */
export interface Handled {
  /** The method. */
  method: string;
  /** The target, in its normal form. */
  target: string;
  /** Names and values in turns. */
  lines: readonly string[];
  /** The body; null when there is none, or it was not read. */
  body: string | null;
  /** The trailer fields, in turns. */
  trailers: readonly string[];
  /** The type of the error that the request was refused with, or that its body ended with; "" for none. */
  error: string;
}

/** What became of all that a client sent. */
export interface Served {
  /** The requests that the handler got, in order. */
  handled: Handled[];
  /** What the client was sent, without its dates. */
  answers: string;
}

/** Rounds of the event loop in which nothing happens, before nothing more is to be expected. */
const QUIET = 3;

class FakeSocket {
  readonly remoteAddr = { transport: "tcp", hostname: "192.0.2.1", port: 1 } as const;
  readonly localAddr = { transport: "tcp", hostname: "192.0.2.2", port: 2 } as const;
  closed = false;
  misuse = "";
  sent = "";
  /** Set while a read waits for bytes that have not come. */
  waiting: { resolve(n: null): void; reject(error: Error): void } | undefined = undefined;
  readonly #bytes: Uint8Array;
  readonly #ends: number[];
  #at = 0;
  #over = false;
  #reading = false;

  constructor(text: string, cuts: readonly number[]) {
    this.#bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    this.#ends = [...new Set([...cuts, text.length])].filter((end) => end > 0);
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.closed) throw new Deno.errors.BadResource("Bad resource ID");
    if (into.length === 0) this.misuse = "a read without room";
    if (this.#reading) this.misuse = "two reads at a time";
    const end = this.#ends[0];
    if (end === undefined) return await this.#wait();
    this.#reading = true;
    // The bytes are there later than they are asked for: what is still in the buffer must not be in their way.
    await Promise.resolve();
    this.#reading = false;
    const piece = this.#bytes.subarray(this.#at, Math.min(end, this.#at + into.length));
    into.set(piece);
    this.#at += piece.length;
    if (this.#at === end) this.#ends.shift();
    return piece.length;
  }

  async #wait(): Promise<number | null> {
    if (this.#over) return null;
    this.#reading = true;
    try {
      return await new Promise((resolve, reject) => this.waiting = { resolve, reject });
    } finally {
      this.#reading = false;
    }
  }

  /** The client sends no more. */
  end(): void {
    this.#over = true;
    this.waiting?.resolve(null);
    this.waiting = undefined;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.closed) this.misuse = "a write behind the end";
    this.sent += latin1(bytes);
    return Promise.resolve(bytes.length);
  }

  setNoDelay(): void {}

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    if (this.closed) this.misuse = "closed twice";
    this.closed = true;
    this.waiting?.reject(new Deno.errors.Interrupted("operation canceled"));
  }
}

/**
 * Gives bytes to a connection, split at those places, and ends them when it waits for more.
 *
 * @throws when the connection does not come to its end, or misuses its socket
 */
export async function serveBytes(text: string, cuts: readonly number[], reading: Reading): Promise<Served> {
  const handled: Handled[] = [];
  const watchdog = new Watchdog();
  const socket = new FakeSocket(text, cuts);
  let open = true;
  const connection = new ClientConnection(
    socket as unknown as Deno.Conn,
    fakeServer({
      handler: (request) => handle(request, reading, handled),
      watchdog,
      closed: () => open = false,
    }),
  );
  const serving = connection.serve();
  let quiet = 0;
  for (let rounds = 0; open; rounds++) {
    if (rounds > 100_000) throw new Error("never comes to an end");
    await new Promise<void>((resolve) => setImmediate(resolve));
    quiet = socket.waiting === undefined ? 0 : quiet + 1;
    if (quiet === QUIET) socket.end();
  }
  await serving;
  watchdog.close();
  if (!socket.closed) throw new Error("left the socket open");
  if (socket.misuse !== "") throw new Error(socket.misuse);
  return { handled, answers: socket.sent.replace(/^date: .*\r\n/gm, "") };
}

/** A server for connections over sockets that are made up. */
export function fakeServer(
  own: Pick<Server, "handler" | "watchdog" | "closed">,
  options: ListenerOptions = {},
): Server {
  return {
    limits: limitsOf(options),
    scheme: "http",
    certificates: undefined,
    speaksHttp2: true,
    speaksForClients: () => false,
    draining: false,
    admit: () => true,
    idle() {},
    ...own,
  };
}

async function handle(request: FrontRequest, reading: Reading, handled: Handled[]): Promise<FrontResponse> {
  const { method, target, headers, bodyLength, refused } = request;
  const seen: Handled = { method, target, lines: headers.lines, body: null, trailers: [], error: "" };
  handled.push(seen);
  try {
    if (refused !== undefined) throw refused;
    if (bodyLength !== null && reading !== "none") {
      seen.body = "";
      if (bodyLength !== 0) await readBody(request, reading, seen);
    }
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    seen.error = error.type;
  }
  const body = new TextEncoder().encode(`${handled.length} ${seen.error}`);
  const status = seen.error === "" ? 200 : 400;
  return { status, headers: new HeaderList(), body, onSent: undefined };
}

async function readBody(request: FrontRequest, reading: Reading, seen: Handled): Promise<void> {
  const body = request.body();
  const pieces: Uint8Array[] = [];
  if (reading === "whole" && (request.bodyLength ?? Infinity) <= request.gatherUpTo) {
    const all = await body.whole();
    if (all !== null) pieces.push(all);
  } else {
    for (let piece; (piece = await body.read()) !== null;) {
      if (piece.length === 0) throw new Error("an empty piece");
      pieces.push(piece);
    }
  }
  seen.body = latin1(concat(pieces));
  seen.trailers = body.trailers?.lines ?? [];
}
