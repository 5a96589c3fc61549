/**
 * TCP sockets of Linux by `Deno.dlopen`, for small messages: a call takes a fraction of what one of Deno's own does, and
 * what makes load has to be faster than the proxies that it is made for. All calls wait until they are done.
 *
 * @module
 */

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
});

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const MSG_NOSIGNAL = 0x4000;
const POLLIN = 1;
/** Bytes of a `struct pollfd`: the descriptor, what is waited for, what came. */
const POLLFD = 8;

/** A socket that listens on 127.0.0.1. */
export function listenOn(port: number): number {
  const socket = done("socket", libc.socket(AF_INET, SOCK_STREAM, 0));
  done("bind", libc.bind(socket, addressOf(port), 16));
  done("listen", libc.listen(socket, 1024));
  return socket;
}

/** The next connection of a socket that listens. */
export function accept(listener: number): number {
  return atOnce(done("accept", libc.accept(listener, null, null)));
}

/** A connection to a port of 127.0.0.1. */
export function connectTo(port: number): number {
  const socket = done("socket", libc.socket(AF_INET, SOCK_STREAM, 0));
  done("connect", libc.connect(socket, addressOf(port), 16));
  return atOnce(socket);
}

/** Takes in what has come; 0 when the connection ended, or broke. */
export function receive(socket: number, into: Uint8Array<ArrayBuffer>): number {
  return Math.max(0, Number(libc.recv(socket, into, BigInt(into.length), 0)));
}

/** Sends all of it; false when the connection broke. */
export function send(socket: number, bytes: Uint8Array<ArrayBuffer>): boolean {
  return Number(libc.send(socket, bytes, BigInt(bytes.length), MSG_NOSIGNAL)) === bytes.length;
}

/** Closes it. */
export function close(socket: number): void {
  libc.close(socket);
}

/** Sockets that are looked at together. */
export class PollSet {
  #entries = new DataView(new ArrayBuffer(POLLFD * 16));
  #size = 0;

  /** Looks at this one, too, from the next time on. */
  add(socket: number): void {
    const bytes = this.#entries.buffer.byteLength;
    if (this.#size * POLLFD === bytes) {
      const larger = new Uint8Array(bytes * 2);
      larger.set(new Uint8Array(this.#entries.buffer));
      this.#entries = new DataView(larger.buffer);
    }
    this.#set(this.#size++, socket);
  }

  /** Does not look at this one any more. */
  delete(socket: number): void {
    for (let i = 0; i < this.#size; i++) {
      if (this.#entries.getInt32(i * POLLFD, true) !== socket) continue;
      this.#set(i, this.#entries.getInt32(--this.#size * POLLFD, true));
      return;
    }
  }

  /** Waits until something came for at least one of them, or for so many milliseconds, and gives those it came for. */
  wait(millis: number): number[] {
    const ready: number[] = [];
    if (libc.poll(this.#entries, BigInt(this.#size), millis) <= 0) return ready;
    for (let i = 0; i < this.#size; i++) {
      if (this.#entries.getInt16(i * POLLFD + 6, true) !== 0) {
        ready.push(this.#entries.getInt32(i * POLLFD, true));
      }
    }
    return ready;
  }

  #set(i: number, socket: number): void {
    this.#entries.setInt32(i * POLLFD, socket, true);
    this.#entries.setInt32(i * POLLFD + 4, POLLIN, true);
  }
}

function done(call: string, result: number): number {
  if (result < 0) throw new Error(`${call} fails`);
  return result;
}

function atOnce(socket: number): number {
  done("setsockopt", libc.setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, new Int32Array([1]), 4));
  return socket;
}

/** A `struct sockaddr_in`. */
function addressOf(port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set([127, 0, 0, 1], 4);
  return bytes;
}
