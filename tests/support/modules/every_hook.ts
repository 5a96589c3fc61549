/**
 * A module with every hook, each of which leaves a trace in what it handles.
 *
 * @module
 */
import { getLogger } from "@std/log";
import type { Connected, FilteredChunk, Peer, ProxyError, ProxyOptions } from "../../../src/mod.ts";
import type { RequestHead, ResponseHead, Session } from "../../../src/mod.ts";

/** Replaced by the test: a good one, and one that is down. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:1" }, { address: "127.0.0.1:1" }];

/** One more attempt, as by default. */
export const options: ProxyOptions = { retries: 1 };

/** What happened to a request so far. */
interface Trace {
  seen: string[];
  held: Uint8Array[];
}

/** Bytes as text and back, a character for every byte. */
const textOf = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const bytesOf = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Made by a promise, so that waiting for it is covered. */
export async function newContext(): Promise<Trace> {
  await undefined;
  return { seen: ["new"], held: [] };
}

/** Answers `/early` itself; edits the rest, and lists what it sees of the session. */
export function requestFilter(session: Session, { seen }: Trace): Response | void {
  const { request, clientAddress, scheme, attempts, tried, status } = session;
  seen.push(`request ${request.method} ${request.target}`);
  if (request.target === "/early") {
    return new Response("early answer\n", { status: 418, headers: [["x-a", "1"], ["set-cookie", "a=1"]] });
  }
  request.headers.append("X-Twice", "one");
  request.headers.append("x-twice", "two");
  request.headers.set("x-session", [clientAddress, scheme, attempts, tried.length, status].join(" "));
  request.headers.delete("x-remove");
  request.target += request.target.includes("?") ? "&filtered" : "?filtered";
}

/** `/dead` goes to the one that is down, first or always. */
export function upstreamPeer({ request: { target }, tried }: Session, { seen }: Trace): Peer {
  seen.push(`peer ${tried.map((peer) => upstreams.indexOf(peer)).join()}`);
  if (target.startsWith("/dead-for-ever") || target.startsWith("/dead") && tried.length === 0) {
    return upstreams[1]!;
  }
  return upstreams[0]!;
}

/** Asks for another attempt. */
export function failToConnect(session: Session, peer: Peer, error: ProxyError, { seen }: Trace): boolean {
  seen.push(`connect ${upstreams.indexOf(peer)} ${error.type} ${error.retrySafe} ${session.attempts}`);
  return true;
}

/** Notes how it was connected. */
export function connectedToUpstream(
  _: Session,
  { peer, reused, localAddr }: Connected,
  { seen }: Trace,
): void {
  seen.push(`connected ${upstreams.indexOf(peer)} ${reused} ${localAddr.transport}`);
}

/** Shows the upstream what was seen. */
export function upstreamRequestFilter(_: Session, request: RequestHead, { seen }: Trace): void {
  seen.push("upstream request");
  request.headers.set("x-seen", seen.join(", "));
  request.headers.set("content-length", "7");
}

/** Makes letters capital, takes `#` chunks out, adds an end. */
export function requestBodyFilter(_: Session, chunk: Uint8Array | null, end: boolean): FilteredChunk {
  if (end) return bytesOf(`${chunk === null ? "" : textOf(chunk)}.`);
  const text = textOf(chunk!);
  if (text.startsWith("#")) return null;
  if (text.startsWith("=")) return;
  return bytesOf(text.toUpperCase());
}

/** The response as the upstream sent it. */
export function upstreamResponseFilter(_: Session, { headers, status }: ResponseHead, { seen }: Trace): void {
  seen.push(`upstream response ${status}`);
  headers.delete("x-secret");
}

/** The response as the client will see it. */
export async function responseFilter(
  session: Session,
  response: ResponseHead,
  { seen }: Trace,
): Promise<void> {
  await undefined;
  seen.push(`response ${session.status}`);
  response.headers.set("x-trace", seen.join(", "));
  if (session.request.target.startsWith("/created")) response.status = 201;
}

/** Holds everything back until the end, then gives it backwards. */
export function responseBodyFilter(
  _: Session,
  chunk: Uint8Array | null,
  end: boolean,
  { held }: Trace,
): FilteredChunk {
  if (chunk !== null) held.push(chunk);
  return end ? bytesOf(`<${held.map(textOf).join("").split("").reverse().join("")}>`) : null;
}

/** Leaves it to the proxy, but notes it. */
export function errorWhileProxy(_: Session, peer: Peer, error: ProxyError, { seen }: Trace): void {
  seen.push(`error ${upstreams.indexOf(peer)} ${error.type} ${error.retrySafe}`);
}

/** An own answer. */
export function failToProxy({ id }: Session, { type, status }: ProxyError, { seen }: Trace): Response {
  seen.push(`fail ${type} ${status}`);
  return new Response(`${type} ${id}\n`, { status, headers: { "x-trace": seen.join(", ") } });
}

/** Tells in the log what it saw; chunks that come together or apart are the network's affair. */
export function logging(session: Session, error: ProxyError | null, { seen }: Trace): void {
  const { id, status, bytesSent, bytesReceived, attempts, tried, elapsed } = session;
  const ended = [status, bytesSent, bytesReceived, attempts, tried.length, elapsed > 0].join(" ");
  getLogger("module").info(`trace ${id}: ${seen.join(", ")}; ${ended} ${error?.type ?? "fine"}`);
}
