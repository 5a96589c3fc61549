/**
 * A client's connection, passed on byte by byte.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../../http/errors.ts";
import { moving } from "../../http/turns.ts";
import type { Watchdog, Watched } from "../../http/watchdog.ts";
import type { ClientInfo } from "../serve_request.ts";
import { Handshake } from "./handshake.ts";
import { readClientHello } from "./client_hello.ts";

/** Where the servers behind a relay listen. */
export const LOOPBACK = "127.0.0.1";

/** A client gets so long to ask for a name, and as long to finish its handshake, in milliseconds. */
const HANDSHAKE_TIME = 10_000;
/** A client may take no byte for so long, in milliseconds: as the own server's default. */
const WRITE_TIME = 300_000;
/** A client is read on for so long when its connection was ended, so that it gets to read the end, in milliseconds. */
const LINGER = 1_000;
/** The longest beginning of TLS, in bytes. */
const MAX_HELLO = 16 * 1024;
/** What is read at a time while little comes. */
const SMALL = 4 * 1024;
/** What is read at a time while much comes. */
const LARGE = 64 * 1024;

/** A server behind a relay. */
export interface Target {
  /** Where it listens. */
  readonly port: number;
  /** Who is at the other end of the relay's connections to it, by their local ports. */
  readonly clients: Map<number, ClientInfo>;
}

/** Servers behind a relay. */
export interface Targets {
  /** The one for clients that ask for a name. It has one more connection, until that leaves. */
  enter(name: string | undefined): Target;
  /** A connection is over. */
  leave(): void;
}

/** A relay, for its connections. */
export interface Relay {
  /** Deadlines. */
  readonly watchdog: Watchdog;
  /** The servers for new connections. */
  readonly present: Targets;
  /** Closes some connections whose clients have owed their beginning for longest: descriptors are used up. */
  makeRoom(): void;
  /** Told of a connection's end. */
  closed(connection: RelayedConnection): void;
}

/** One of them. */
export class RelayedConnection implements Watched {
  slot = -1;
  /** Whether the client has not finished its handshake. */
  isNew = true;
  readonly #client: Deno.Conn;
  readonly #relay: Relay;
  readonly #closing = new AbortController();
  #server: Deno.TcpConn | undefined = undefined;
  #deadline: number;
  #writeBy = Infinity;
  readonly #handshake = new Handshake();
  #isClosed = false;

  /** Takes the socket over. */
  constructor(client: Deno.Conn, relay: Relay) {
    this.#client = client;
    this.#relay = relay;
    relay.watchdog.add(this);
    this.#deadline = relay.watchdog.now + HANDSHAKE_TIME;
  }

  /** Passes bytes on until both sides have ended. Never rejects. */
  async pass(): Promise<void> {
    try {
      if (this.#client.remoteAddr.transport === "tcp") (this.#client as Deno.TcpConn).setNoDelay(true);
      const begun = await this.#begin();
      if (begun !== undefined) await this.#passTo(begun.name, begun.bytes);
    } catch (error) {
      if (!this.#isClosed) getLogger("postern").debug(`relayed connection: ${messageOf(error)}`);
    }
    this.close();
  }

  tick(now: number): void {
    if (now >= this.#deadline || now >= this.#writeBy) this.close();
  }

  stop(): void {
    this.close();
  }

  /** Closes it, whatever is under way. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#relay.watchdog.delete(this);
    this.#closing.abort();
    this.#client.close();
    this.#server?.close();
    this.#relay.closed(this);
  }

  /** The name that the client asks for, and all that it has sent; undefined when it leaves first. */
  async #begin(): Promise<{ name: string | undefined; bytes: Uint8Array } | undefined> {
    let buffer = new Uint8Array(SMALL);
    for (let end = 0;;) {
      const n = await this.#client.read(end === 0 ? buffer : buffer.subarray(end));
      if (n === null) return undefined;
      end += n;
      const bytes = buffer.subarray(0, end);
      const hello = readClientHello(bytes);
      if (hello !== undefined) return { name: hello.name, bytes };
      if (end < buffer.length) continue;
      if (end >= MAX_HELLO) throw new RangeError("The client's beginning of TLS is too long");
      buffer = new Uint8Array(MAX_HELLO);
      buffer.set(bytes);
    }
  }

  async #passTo(name: string | undefined, begun: Uint8Array): Promise<void> {
    const targets = this.#relay.present;
    const target = targets.enter(name);
    let port: number | undefined;
    try {
      const server = await this.#connect(target);
      port = server.localAddr.port;
      target.clients.set(port, { remoteAddr: this.#client.remoteAddr as Deno.NetAddr });
      this.#handshake.see(begun);
      await writeAll(server, begun);
      await Promise.all([this.#up(server), this.#down(server)]);
    } finally {
      if (port !== undefined) target.clients.delete(port);
      this.close();
      targets.leave();
    }
  }

  async #connect({ port }: Target): Promise<Deno.TcpConn> {
    const { signal } = this.#closing;
    const where = { hostname: LOOPBACK, port, signal };
    const server = await Deno.connect(where).catch((error) => {
      if (signal.aborted) throw error;
      this.#relay.makeRoom();
      return Deno.connect(where);
    });
    if (signal.aborted) {
      server.close();
      throw signal.reason;
    }
    server.setNoDelay(true);
    this.#deadline = this.#relay.watchdog.now + HANDSHAKE_TIME;
    return this.#server = server;
  }

  /** From the client to the server. When the server takes no more, the rest is read and thrown away. */
  async #up(server: Deno.TcpConn): Promise<void> {
    let buffer = new Uint8Array(SMALL);
    let isTaken = true;
    for (let n; (n = await this.#client.read(buffer)) !== null;) {
      if (this.isNew) this.#look(buffer.subarray(0, n));
      try {
        for (let at = 0; at < n && isTaken;) at += await server.write(buffer.subarray(at, n));
      } catch {
        isTaken = false;
      }
      const pause = moving(n);
      if (pause !== undefined) await pause;
      buffer = fitting(buffer, n);
    }
    if (isTaken) await server.closeWrite().catch(() => {});
  }

  /** Looks whether the handshake is over, for which there is a time limit. */
  #look(bytes: Uint8Array): void {
    this.#handshake.see(bytes);
    if (!this.#handshake.isOver) return;
    this.isNew = false;
    this.#deadline = Infinity;
  }

  /** From the server to the client. */
  async #down(server: Deno.TcpConn): Promise<void> {
    const { watchdog } = this.#relay;
    let buffer = new Uint8Array(SMALL);
    for (let n; (n = await server.read(buffer)) !== null;) {
      this.#writeBy = watchdog.now + WRITE_TIME;
      for (let at = 0; at < n;) at += await this.#client.write(buffer.subarray(at, n));
      this.#writeBy = Infinity;
      const pause = moving(n);
      if (pause !== undefined) await pause;
      buffer = fitting(buffer, n);
    }
    this.#deadline = watchdog.now + LINGER;
    await this.#client.closeWrite();
  }
}

/** The buffer for the next read, after so many bytes came. */
function fitting(buffer: Uint8Array<ArrayBuffer>, n: number): Uint8Array<ArrayBuffer> {
  if (n === buffer.length && n < LARGE) return new Uint8Array(n * 4);
  return n < SMALL && buffer.length > SMALL ? new Uint8Array(SMALL) : buffer;
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
