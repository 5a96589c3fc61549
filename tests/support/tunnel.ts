/**
 * Both ends of upgraded connections.
 *
 * @module
 */
import { type Origin, type RawConnection, rawOrigin } from "./origin.ts";
import { rawClient } from "./proxy.ts";
import { statusOf } from "./send.ts";
import { within } from "./wire.ts";

/** The text of a request that asks for another protocol. `lines` end with CR LF each. */
export function upgradeText(protocol = "raw", lines = ""): string {
  return `GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${lines}\r\n`;
}

/** The head that switches to another protocol. */
export function switchText(protocol = "raw", lines = ""): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${lines}\r\n`;
}

/** Sends everything back until the client says that it is done. */
export async function echo(connection: RawConnection): Promise<void> {
  for (let text; (text = await connection.read()) !== null;) await connection.write(text);
}

/** An origin that switches to whatever is asked for at the first request of a connection, then talks. */
export function tunnelOrigin(talk: (connection: RawConnection) => Promise<void> = echo): Origin {
  return rawOrigin(async (connection) => {
    const head = await connection.readHead();
    if (head === null) return;
    await connection.write(switchText(/^upgrade: (.+)\r$/im.exec(head)?.[1]));
    await talk(connection);
  });
}

/** A client behind the head of its 101. */
export async function openTunnel(
  address: string,
  request = upgradeText(),
): Promise<RawConnection & Disposable> {
  const client = await rawClient(address);
  await client.write(request);
  const head = await within(client.readHead(), "the head of a 101");
  if (statusOf(head ?? "") === 101) return client;
  client.close();
  throw new Error(`No tunnel, but ${JSON.stringify(head)}`);
}

/** What came behind the head of the 101, until the other side closed. */
export async function restOf(client: RawConnection): Promise<string> {
  await within(client.closed(), "the tunnel's end");
  return client.received.slice(client.received.indexOf("\r\n\r\n") + 4);
}
