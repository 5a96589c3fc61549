/**
 * The end of the tunnels behind a proxy that sends back every message, a program of its own. Argument: PORT.
 *
 * @module
 */
import { accept, close, listenOn, PollSet, receive, send } from "./libc.ts";
import { ANSWER, headEnd, isUpgrade, REFUSAL } from "./tunnel_head.ts";

const listener = listenOn(Number(Deno.args[0]));
const sockets = new PollSet();
/** Those that are no tunnel yet, with what came of their head. */
const heads = new Map<number, string>();
const buffer = new Uint8Array(64 << 10);

sockets.add(listener);
while (true) {
  for (const socket of sockets.wait(-1)) {
    if (socket === listener) {
      const conn = accept(listener);
      heads.set(conn, "");
      sockets.add(conn);
    } else if (!serve(socket)) {
      sockets.delete(socket);
      heads.delete(socket);
      close(socket);
    }
  }
}

/** Does what is to be done with what came; false when that was all. */
function serve(socket: number): boolean {
  const n = receive(socket, buffer);
  if (n === 0) return false;
  const before = heads.get(socket);
  if (before === undefined) return send(socket, buffer.subarray(0, n));
  const head = before + new TextDecoder("latin1").decode(buffer.subarray(0, n));
  heads.set(socket, head);
  const end = headEnd(head);
  if (end === undefined) return true;
  if (!isUpgrade(head.slice(0, end).split("\r\n"))) {
    send(socket, REFUSAL);
    return false;
  }
  heads.delete(socket);
  const rest = buffer.subarray(end - before.length, n);
  return send(socket, ANSWER) && (rest.length === 0 || send(socket, rest));
}
