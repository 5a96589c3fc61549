/**
 * Many clients that mean no good.
 *
 * @module
 */
import { Socket } from "node:net";
import { sleep } from "../../src/http/sleep.ts";

/** Who was turned away comes again after this long, in milliseconds. */
const AGAIN = 250;
const encoder = new TextEncoder();

/** Something done to a proxy. */
export interface Attack {
  /** To choose it by. */
  readonly name: string;
  /** What each of its clients does. */
  readonly about: string;
  /** How many clients it takes to be one. */
  readonly clients: number;
  /** Does it with so many clients until the signal, and leaves no connection behind. */
  run(address: Deno.ConnectOptions, clients: number, signal: AbortSignal): Promise<void>;
}

/** A connection of an attacker. */
export class Attacker {
  readonly #conn: Deno.TcpConn;
  readonly #signal: AbortSignal;

  constructor(conn: Deno.TcpConn, signal: AbortSignal) {
    this.#conn = conn;
    this.#signal = signal;
  }

  /** Sends all of it; rejects when the connection is over. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    // Writes that succeed at once leave no turn for anybody else in this process.
    await sleep(0);
  }

  /** Sends the same over and over; rejects when the connection is over. */
  async repeat(data: string | Uint8Array, pause = 0): Promise<never> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    for (;;) {
      await this.send(bytes);
      if (pause > 0) await sleep(pause, this.#signal);
      if (this.#signal.aborted) throw new Error("The attack is over");
    }
  }

  /** Reads and forgets until the connection is over. */
  async drain(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    while (await this.#conn.read(buffer) !== null);
  }

  /** Does nothing until the attack is over. */
  wait(): Promise<void> {
    return sleep(2 ** 31 - 1, this.#signal);
  }
}

/** An attack by clients that each do the same on a connection of their own, and come again when that is over. */
export function crowd(
  name: string,
  about: string,
  clients: number,
  one: (attacker: Attacker) => Promise<unknown>,
): Attack {
  return {
    name,
    about,
    clients,
    async run(address, clients, signal) {
      const client = async () => {
        while (!signal.aborted) {
          let conn: Deno.TcpConn | undefined;
          const close = () => closeQuietly(conn);
          try {
            conn = await Deno.connect({ ...address, signal });
            signal.addEventListener("abort", close);
            if (!signal.aborted) await one(new Attacker(conn, signal));
          } catch {
            await sleep(AGAIN, signal);
          } finally {
            signal.removeEventListener("abort", close);
            close();
          }
        }
      };
      await Promise.all(Array.from({ length: clients }, client));
    },
  };
}

/** Sends on a new connection and resets it at once, which a `Deno.Conn` cannot. */
export function resetting(name: string, about: string, clients: number, text: string): Attack {
  const one = ({ hostname = "127.0.0.1", port }: Deno.ConnectOptions) =>
    new Promise<void>((resolve) => {
      const socket = new Socket();
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.connect(port, hostname, () => socket.write(text, () => socket.resetAndDestroy()));
    });
  return {
    name,
    about,
    clients,
    async run(address, clients, signal) {
      const client = async () => {
        while (!signal.aborted) await one(address);
      };
      await Promise.all(Array.from({ length: clients }, client));
    },
  };
}

function closeQuietly(conn: Deno.TcpConn | undefined): void {
  try {
    conn?.close();
  } catch {
    // It is closed.
  }
}
