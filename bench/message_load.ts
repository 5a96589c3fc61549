/**
 * The end of the tunnels in front of a proxy that sends messages, a program of its own. Arguments: CONTROL PORT TUNNELS.
 *
 * It is asked like `tunnel_load.ts`. In every tunnel, one message at a time is under way.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { messageOf, note } from "./cleanup.ts";
import { Histogram } from "./histogram.ts";
import { connectTo, PollSet, receive, send } from "./libc.ts";
import { headEnd, requestOf, statusOf } from "./tunnel_head.ts";
import type { TunnelCounts } from "./tunnel_measure.ts";

/** Bytes of a message. */
const MESSAGE = 64;
/** How often whoever asks is listened to, in milliseconds. */
const TURN = 2;

/** What is under way in a tunnel. */
interface Tunnel {
  /** The number that the message has, so that what comes back is known to be its own. */
  number: number;
  /** How much of it is back. */
  length: number;
  sentAt: number;
}

const [control, port, count] = Deno.args;
const sockets = new PollSet();
const tunnels = new Map<number, Tunnel>();
const times = new Histogram();
const message = new Uint8Array(MESSAGE);
const answer = new Uint8Array(MESSAGE);
const sent = new DataView(message.buffer);
const received = new DataView(answer.buffer);
let messages = 0;
let since = performance.now();
let failure: string | undefined;

try {
  for (let i = 0; i < Number(count); i++) tunnels.set(open(), { number: 0, length: 0, sentAt: 0 });
} catch (error) {
  note(messageOf(error));
  Deno.exit(1);
}
Deno.serve({ hostname: "127.0.0.1", port: Number(control), onListen: () => {} }, () => {
  if (failure !== undefined) return new Response(failure, { status: 500 });
  return Response.json(counts());
});
for (const [socket, tunnel] of tunnels) {
  sockets.add(socket);
  next(socket, tunnel);
}
turn();

function open(): number {
  const socket = connectTo(Number(port));
  send(socket, requestOf(Number(port), "messages"));
  const buffer = new Uint8Array(4096);
  let head = "";
  while (headEnd(head) === undefined) {
    const n = receive(socket, buffer);
    if (n === 0) break;
    head += new TextDecoder("latin1").decode(buffer.subarray(0, n));
  }
  if (statusOf(head) !== "101") throw new Error(`The answer to an upgrade is ${JSON.stringify(head)}`);
  return socket;
}

function turn(): void {
  const until = performance.now() + TURN;
  try {
    do {
      for (const socket of sockets.wait(TURN)) back(socket, tunnels.get(socket)!);
    } while (performance.now() < until);
    setImmediate(turn);
  } catch (error) {
    failure = messageOf(error);
  }
}

function next(socket: number, tunnel: Tunnel): void {
  tunnel.number = tunnel.number + 1 >>> 0;
  tunnel.length = 0;
  sent.setUint32(MESSAGE - 4, tunnel.number);
  tunnel.sentAt = performance.now();
  if (!send(socket, message)) throw new Error("The proxy broke a tunnel");
}

function back(socket: number, tunnel: Tunnel): void {
  const n = receive(socket, tunnel.length === 0 ? answer : answer.subarray(tunnel.length));
  if (n === 0) throw new Error("The proxy closed a tunnel");
  tunnel.length += n;
  if (tunnel.length < MESSAGE) return;
  times.add(performance.now() - tunnel.sentAt);
  if (received.getUint32(MESSAGE - 4) !== tunnel.number) {
    throw new Error("A message came back as another one");
  }
  messages++;
  next(socket, tunnel);
}

function counts(): TunnelCounts {
  const now = performance.now();
  const [p50, p99] = [times.percentile(50), times.percentile(99)];
  const result = { bytes: messages * MESSAGE, messages, micros: (now - since) * 1000, p50, p99 };
  messages = 0;
  since = now;
  times.clear();
  return result;
}
