/**
 * Requests at a steady rate, over connections that are kept.
 *
 * @module
 */

/** A request that is over. */
export interface Sample {
  /** GET may be sent again by a proxy, POST may not. */
  readonly method: "GET" | "POST";
  /** When it was sent, on `performance.now()`'s clock. */
  readonly sentAt: number;
  /** When its answer was there, or it failed. */
  readonly endedAt: number;
  /** The status of the answer; 0 when there was none. */
  readonly status: number;
  /** The name of the origin that answered. */
  readonly origin: string;
}

/** Settings of a {@linkcode PacedLoad}. */
export interface PacedLoadOptions {
  /** Requests a second, as long as no more than `connections` of them are waited for. @default {300} */
  rate?: number;
  /** Connections. @default {96} */
  connections?: number;
  /** Whether every request comes on a connection of its own. @default {false} */
  isFresh?: boolean;
  /** How long an answer is waited for, in milliseconds. @default {10_000} */
  patience?: number;
}

/** The body of a POST. */
const BODY = "something to be done once";
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const REQUESTS = {
  GET: encoder.encode("GET / HTTP/1.1\r\nHost: load\r\n\r\n"),
  POST: encoder.encode(`POST / HTTP/1.1\r\nHost: load\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`),
};

/**
 * Two GETs for every POST, on every connection in its own rhythm: one that has to wait for an answer does not make the
 * others wait. A request is sent once; a connection that breaks is replaced. Disposing it stops it.
 */
export class PacedLoad implements AsyncDisposable {
  /** The requests that are over, in the order of their ends. */
  readonly samples: Sample[] = [];
  readonly #address: { hostname: string; port: number };
  readonly #isFresh: boolean;
  readonly #patience: number;
  readonly #workers: Promise<void>[];
  #stopped = false;

  /** Begins at once. */
  constructor(
    address: string,
    { rate = 300, connections = 96, isFresh = false, patience = 10_000 }: PacedLoadOptions = {},
  ) {
    this.#isFresh = isFresh;
    this.#patience = patience;
    const [hostname, port] = address.split(":") as [string, string];
    this.#address = { hostname, port: Number(port) };
    const every = 1000 * connections / rate;
    const begin = performance.now();
    this.#workers = Array.from(
      { length: connections },
      (_, i) => this.#work(begin + every * i / connections, every, i),
    );
  }

  /** Stops it, and waits for the requests under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  async #connect(): Promise<Deno.TcpConn> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#patience);
    try {
      return await Deno.connect({ ...this.#address, signal: late.signal });
    } finally {
      clearTimeout(timer);
    }
  }

  async #work(first: number, every: number, offset: number): Promise<void> {
    let connection: Deno.TcpConn | null = null;
    let due = first;
    for (let n = offset;; n++) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      if (this.#stopped) break;
      due = Math.max(due + every, performance.now());
      const method = n % 3 === 2 ? "POST" : "GET";
      const sentAt = performance.now();
      let answer: Answer = { status: 0, text: "", keep: false };
      try {
        connection ??= await this.#connect();
        answer = await ask(connection, method, this.#patience);
      } catch { /* no answer */ }
      const { status, text: origin } = answer;
      this.samples.push({ method, sentAt, endedAt: performance.now(), status, origin });
      if (answer.keep && !this.#isFresh) continue;
      close(connection);
      connection = null;
    }
    close(connection);
  }
}

interface Answer {
  status: number;
  text: string;
  /** Whether the connection can be used again. */
  keep: boolean;
}

/** Sends a request and reads the answer to it. */
async function ask(connection: Deno.TcpConn, method: "GET" | "POST", patience: number): Promise<Answer> {
  const timer = setTimeout(() => close(connection), patience);
  try {
    await connection.write(REQUESTS[method]);
    const buffer = new Uint8Array(4096);
    for (let text = "";;) {
      const n = await connection.read(buffer);
      if (n === null) throw new Error("The answer broke off");
      text += decoder.decode(buffer.subarray(0, n));
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) continue;
      const head = text.slice(0, end);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? NaN);
      if (Number.isNaN(length)) throw new Error(`The answer has no length: ${head}`);
      if (text.length < end + 4 + length) continue;
      const status = Number(head.slice(9, 12));
      return { status, text: text.slice(end + 4), keep: !/\r\nconnection: *close/i.test(head) };
    }
  } finally {
    clearTimeout(timer);
  }
}

function close(connection: Deno.TcpConn | null): void {
  try {
    connection?.close();
  } catch { /* closed already */ }
}
