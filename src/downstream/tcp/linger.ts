/**
 * The end of a connection whose client may still be sending.
 *
 * @module
 */
import type { ClientSocket } from "./client_socket.ts";
import type { TcpBody } from "./tcp_body.ts";

/** How long it is read from at most, in milliseconds, and how long when nothing comes. Both are nginx's. */
const LINGER = 30_000;
const SILENCE = 5_000;
/** Where bytes go that nobody looks at; one for all. */
const SINK = new Uint8Array(64 * 1024);

/**
 * Says that nothing more comes, and reads on until the client has closed too: closing over bytes that were not read would
 * take from the client what it has not read of the answer.
 *
 * @param body A body that may not be at its end.
 * @param most How many bytes are read at most.
 */
export async function linger(client: ClientSocket, body: TcpBody | undefined, most: number): Promise<void> {
  const end = client.now + LINGER;
  client.closeAfter(SILENCE);
  try {
    await client.closeWrite();
  } catch {
    return;
  }
  await body?.settled();
  let left = most;
  for (let n; left > 0 && (n = await client.readInto(SINK)) !== null;) {
    left -= n;
    client.closeAfter(Math.min(SILENCE, end - client.now));
  }
}
