/**
 * Proxies that speak TLS, and clients of theirs. Reading the files takes a permission that most tests lack.
 *
 * @module
 */
import { connect } from "node:tls";
import { type ListenerOptions, type ProxyModule, type Running, startProxy } from "../../src/mod.ts";
import { CA, type KeyPair, ONE } from "./certs.ts";
import { RawConnection } from "./origin.ts";
import { tempFolder } from "./process.ts";

/** A proxy whose certificates can be changed. */
export interface TlsProxy extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  readonly running: Running;
  /** Puts a pair in the place of its first one. */
  put(pair: KeyPair): void;
}

/** Starts one. A string stands for a module that sends everything to that address. */
export function tlsProxy(
  module: ProxyModule | string,
  listener: ListenerOptions = {},
  pairs: readonly KeyPair[] = [ONE],
): TlsProxy {
  const folder = tempFolder();
  const put = ({ cert, key }: KeyPair, i = 0) => ({
    cert: folder.write(`cert${i}.pem`, cert),
    key: folder.write(`key${i}.pem`, key),
  });
  const files = pairs.map(put);
  const peer = { address: module as string };
  const running = startProxy(typeof module === "string" ? { upstreamPeer: () => peer } : module, {
    listen: "127.0.0.1:0",
    listener: { front: "tcp", tls: files.length === 1 ? files[0]! : files, ...listener },
  });
  return {
    port: Number(running.address.split(":")[1]),
    running,
    put,
    async [Symbol.asyncDispose]() {
      await running.stop(0);
      folder[Symbol.dispose]();
    },
  };
}

/** A client's connection after the handshake. */
export type TlsClient = RawConnection & Disposable & { readonly alpnProtocol: string | null };

/** What clients trust: certificates of the test CA, whatever name they are for. */
export const TRUST = { caCerts: [CA], unsafelyDisableHostnameVerification: true };

/** A client that asks for a name. */
export async function tlsClient(
  port: number,
  { name = "one.one.one.one", alpn = [], ahead = "" }: { name?: string; alpn?: string[]; ahead?: string } =
    {},
): Promise<TlsClient> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  if (ahead !== "") await new RawConnection(socket, 0).write(ahead);
  const conn = await Deno.startTls(socket, { ...TRUST, hostname: name, alpnProtocols: alpn });
  try {
    const { alpnProtocol } = await conn.handshake();
    const client = new RawConnection(conn, 0);
    return Object.assign(client, { alpnProtocol, [Symbol.dispose]: () => client.close() });
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** Whose certificate a client that asks for a name, or for none, is shown. */
export function certificateAt(port: number, name?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = name === undefined ? {} : { servername: name };
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options }, () => {
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      socket.once("close", () => resolve(String(subject.CN)));
    });
    socket.once("error", reject);
  });
}
