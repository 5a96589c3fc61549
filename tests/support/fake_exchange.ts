/**
 * Exchanges over sockets that are only made up: thousands of responses a second, split wherever a test likes.
 *
 * @module
 */
import { concat } from "../../src/http/body.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { HeaderList } from "../../src/http/headers.ts";
import { Connection } from "../../src/upstream/connection.ts";
import { Exchange } from "../../src/upstream/exchange.ts";
import { targetOf } from "../../src/upstream/peer.ts";
import { ConnectionPool } from "../../src/upstream/pool.ts";
import { Watchdog } from "../../src/http/watchdog.ts";
import { latin1 } from "./origin.ts";
import { within } from "./wire.ts";

/** How the bytes come, and how the body is asked for. */
export interface Delivery {
  /** Where the bytes are split. */
  cuts: readonly number[];
  /** Behind the last byte, the connection ends or stays open. */
  then: "end" | "open";
  /** The body is streamed; gathered first, if it may be; or gathering is given up as soon as it began. */
  reading: "stream" | "whole" | "slow";
}

/** What became of a response. */
export interface Outcome {
  /** The status, 0 when no head was read. */
  status: number;
  /** The fields, names and values in turns. */
  lines: readonly string[];
  /** The body, null when there is none or it broke off. */
  body: string | null;
  /** The type of the failure; "waiting" when the bytes ended before the response did. */
  error: string;
  /** Whether the connection waits for another request. */
  idle: boolean;
}

const target = targetOf({ address: "127.0.0.1:1" });
const request = { method: "GET", target: "/", headers: new HeaderList() };
const WAITING = new ProxyError("deadline", "The test waited");

/** Stands for a socket. What a reader must not do, it says in `misuse`. */
class FakeSocket {
  closed = false;
  misuse = "";
  /** Resolves when a read waits for bytes that will not come. */
  readonly starved: Promise<void>;
  readonly #bytes: Uint8Array;
  readonly #ends: number[];
  readonly #then: Delivery["then"];
  #at = 0;
  #readsBehindEnd = 0;
  #interrupt = (_: Error) => {};
  #starve = () => {};

  constructor(text: string, { cuts, then }: Delivery) {
    this.#bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[i] = text.charCodeAt(i);
    this.#ends = [...new Set([...cuts, text.length])].filter((end) => end > 0);
    this.#then = then;
    this.starved = new Promise((resolve) => this.#starve = resolve);
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.closed) return Promise.reject(new Deno.errors.BadResource("Bad resource ID"));
    if (into.length === 0) this.misuse = "a read without room";
    const end = this.#ends[0];
    if (end === undefined) return this.#readBehindEnd();
    const piece = this.#bytes.subarray(this.#at, Math.min(end, this.#at + into.length));
    into.set(piece);
    this.#at += piece.length;
    if (this.#at === end) this.#ends.shift();
    return Promise.resolve(piece.length);
  }

  #readBehindEnd(): Promise<number | null> {
    if (this.#then === "end" && ++this.#readsBehindEnd < 10) return Promise.resolve(null);
    if (this.#then === "end") this.misuse = "reads on behind the end";
    this.#starve();
    return new Promise((_, reject) => this.#interrupt = reject);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  close(): void {
    if (this.closed) this.misuse = "closed twice";
    this.closed = true;
    this.#interrupt(new Deno.errors.Interrupted("operation canceled"));
  }
}

/**
 * Reads a response the way the request path does.
 *
 * @throws when that fails in any other way than by a ProxyError, hangs, or leaves the socket open
 */
export async function readResponse(method: string, text: string, delivery: Delivery): Promise<Outcome> {
  const watchdog = new Watchdog();
  const pool = new ConnectionPool(watchdog);
  const socket = new FakeSocket(text, delivery);
  const exchange = new Exchange(new Connection(target, socket as unknown as Deno.Conn), watchdog, pool);
  const outcome: Outcome = { status: 0, lines: [], body: null, error: "", idle: false };
  const reading = read(exchange, method, delivery, outcome).catch((error) => {
    if (!(error instanceof ProxyError)) throw error;
    exchange.abort(error);
    outcome.error = error === WAITING ? "waiting" : error.type;
  });
  try {
    if (!await ends(reading, socket.starved)) {
      exchange.abort(WAITING);
      if (!await ends(reading, socket.starved)) throw new Error("waits on, though the exchange was aborted");
    }
    outcome.idle = pool.idleCount() === 1;
    if (!outcome.idle && !socket.closed) throw new Error("left the socket open");
    if (outcome.idle && outcome.error !== "") throw new Error("kept the connection of a broken response");
  } finally {
    pool.stop();
    watchdog.close();
  }
  if (!socket.closed) throw new Error("left the socket open when the pool was closed");
  if (socket.misuse !== "") throw new Error(socket.misuse);
  return outcome;
}

async function read(
  exchange: Exchange,
  method: string,
  { reading }: Delivery,
  outcome: Outcome,
): Promise<void> {
  const head = await exchange.begin({ ...request, method }, null);
  outcome.status = head.status;
  outcome.lines = head.headers.lines;
  const body = exchange.readBody(head, method);
  if (body === null) return;
  const pieces: Uint8Array[] = [];
  if (reading !== "stream") {
    const whole = body.whole(256 * 1024);
    if (reading === "slow") exchange.onSlow?.();
    const all = await whole;
    if (all !== null) {
      outcome.body = latin1(all);
      return;
    }
  }
  for (let piece; (piece = await body.read()) !== null;) {
    if (piece.length === 0) throw new Error("an empty piece");
    pieces.push(piece);
  }
  outcome.body = latin1(concat(pieces));
}

/** Whether it ends, rather than waiting for bytes. All that happens until then is microtasks. */
async function ends(reading: Promise<void>, starved: Promise<void>): Promise<boolean> {
  let ended = false;
  const end = reading.then(() => {
    ended = true;
  });
  await within(Promise.race([end, starved]), "the response's end");
  // Also long enough for the pool to notice what happens to a connection that it got.
  for (let i = 0; i < 30; i++) await Promise.resolve();
  if (ended) await end;
  return ended;
}
