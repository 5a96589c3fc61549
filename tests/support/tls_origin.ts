/**
 * Origins that speak TLS.
 *
 * @module
 */
import type { KeyPair } from "./certs.ts";
import { type Origin, RawConnection } from "./origin.ts";

/** An origin that speaks TLS. */
export interface TlsOrigin extends Origin {
  /** The protocol agreed on by ALPN, for every connection whose handshake was done. */
  readonly protocols: (string | null)[];
}

/** An origin that answers every request with `text`, or talks otherwise, over TLS; it offers HTTP/2 as well as HTTP/1.1, unless told otherwise. */
export function tlsOrigin(
  { cert, key }: KeyPair,
  text = "hello",
  talk?: (connection: RawConnection) => Promise<void>,
  alpnProtocols: string[] = ["h2", "http/1.1"],
): TlsOrigin {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
    alpnProtocols,
  });
  const open = new Set<RawConnection>();
  const work: Promise<void>[] = [];
  const protocols: (string | null)[] = [];
  let count = 0;

  const answer = async (conn: Deno.TlsConn, connection: RawConnection) => {
    try {
      protocols.push((await conn.handshake()).alpnProtocol);
      await talk?.(connection);
      while (talk === undefined && await connection.readHead() !== null) {
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      }
    } catch { /* the client did not like what it saw */ }
    connection.close();
    open.delete(connection);
  };
  const accepting = (async () => {
    for await (const conn of listener) {
      const connection = new RawConnection(conn, ++count);
      open.add(connection);
      work.push(answer(conn, connection));
    }
  })();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    protocols,
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
