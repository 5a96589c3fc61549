/**
 * Origins: servers that a test puts behind the proxy.
 *
 * @module
 */

/** A server that a test talks to; disposing it closes everything. */
export interface Origin extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Connections accepted so far. */
  readonly connections: number;
}

/** One accepted connection of a {@linkcode rawOrigin}. */
export class RawConnection {
  /** Everything received so far, as latin-1. */
  received = "";
  /** Counts accepted connections from 1. */
  readonly number: number;
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(conn: Deno.Conn, number: number) {
    this.#conn = conn;
    this.number = number;
  }

  /** Its own address. */
  get localAddr(): Deno.Addr {
    return this.#conn.localAddr;
  }

  /** Reads on until everything received contains `text`; false at the end of the stream. */
  async readUntil(text: string, from = 0): Promise<boolean> {
    while (!this.received.includes(text, from)) if (await this.read() === null) return false;
    return true;
  }

  /** Reads one head; what was received after `from` up to and with the empty line, or null at the end of the stream. */
  async readHead(): Promise<string | null> {
    const from = this.#headFrom;
    if (!await this.readUntil("\r\n\r\n", from)) return null;
    const end = this.received.indexOf("\r\n\r\n", from) + 4;
    this.#headFrom = end;
    return this.received.slice(from, end);
  }
  #headFrom = 0;

  /** Reads whatever comes next; null at the end of the stream or after a reset. */
  async read(): Promise<string | null> {
    const n = await this.#conn.read(this.#buffer).catch(() => null);
    if (n === null) return null;
    const text = latin1(this.#buffer.subarray(0, n));
    this.received += text;
    return text;
  }

  /** Writes latin-1 text. */
  async write(text: string): Promise<void> {
    await this.writeBytes(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  }

  /** Writes bytes. */
  async writeBytes(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Sends FIN. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** Closes, also when closed already. */
  close(): void {
    try {
      this.#conn.close();
    } catch { /* closed already */ }
  }

  /** Resolves when the other side has closed. */
  async closed(): Promise<void> {
    while (await this.read() !== null);
  }
}

/** An origin that speaks bytes: `handle` is called for every connection, which is closed when it returns or throws. */
export function rawOrigin(handle: (connection: RawConnection) => Promise<void>, port = 0): Origin {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const open = new Set<RawConnection>();
  const work: Promise<void>[] = [];
  let count = 0;
  const accepting = (async () => {
    for await (const conn of listener) {
      const connection = new RawConnection(conn, ++count);
      open.add(connection);
      work.push(
        handle(connection).catch(() => {}).finally(() => {
          connection.close();
          open.delete(connection);
        }),
      );
    }
  })();
  return {
    address: `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    get connections() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) connection.close();
      await accepting;
      await Promise.all(work);
    },
  };
}

/** An origin that answers every request on every connection with the same bytes. */
export function cannedOrigin(response: string): Origin {
  return rawOrigin(async (connection) => {
    while (await connection.readHead() !== null) await connection.write(response);
  });
}

/** An origin on `Deno.serve`. */
export function httpOrigin(handler: Deno.ServeHandler): Origin {
  const seen = new Set<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request, info) => {
    const { hostname, port } = info.remoteAddr as Deno.NetAddr;
    seen.add(`${hostname}:${port}`);
    return handler(request, info as Deno.ServeHandlerInfo<Deno.Addr>);
  });
  return {
    address: `127.0.0.1:${server.addr.port}`,
    get connections() {
      return seen.size;
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}

/** An address on which nothing listens. */
export function deadAddress(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return `127.0.0.1:${port}`;
}

/** Bytes as characters. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}
