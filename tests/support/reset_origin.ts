/**
 * An origin that resets: what a crash looks like from the other side.
 *
 * @module
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** An origin that answers with the beginning of a response and resets the connection later. */
export interface ResetOrigin extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Resets all connections. Closing, which is all that `Deno.Conn` offers, sends a FIN first. */
  reset(): void;
}

/** Starts an origin that writes `response` when a request comes. */
export async function resetOrigin(response: string): Promise<ResetOrigin> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    reset: () => sockets.forEach((socket) => socket.resetAndDestroy()),
    async [Symbol.asyncDispose]() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
