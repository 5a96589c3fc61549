/**
 * Opening connections: TCP or Unix socket, then TLS, each within its time.
 *
 * @module
 */
import type { Endpoints } from "../http/endpoint.ts";
import { type ErrorType, messageOf, ProxyError } from "../http/errors.ts";
import { writeProxyHeader } from "../http/proxy_protocol_writer.ts";
import { Connection } from "./connection.ts";
import type { PeerProtocol, Target } from "./peer.ts";

/** A connection whose ends are nobody's: the upstream takes it for the proxy's own, such as a health check. */
const NOBODY: Endpoints = { source: undefined, destination: undefined };

/** What is offered over TLS. */
const ALPN: Record<PeerProtocol, string[]> = {
  http1: ["http/1.1"],
  http2: ["h2"],
  auto: ["h2", "http/1.1"],
};

/**
 * Connects to the target.
 *
 * @param protocol What is to be spoken.
 * @param client The ends of the client's connection, for a target that is told of them.
 * @param signal Gives the attempt up; its reason is what the promise rejects with.
 * @throws {ProxyError} `connect_failed`, `connect_timeout` or `tls_failed`
 */
export async function connect(
  target: Target,
  signal: AbortSignal,
  client: Endpoints = NOBODY,
  protocol: PeerProtocol = "http1",
): Promise<Connection> {
  const socket = await openSocket(target, signal);
  if (target.proxyProtocol !== undefined) await introduce(socket, target, client);
  if (target.tls === undefined) return new Connection(target, socket, protocol === "http2");
  return await secure(socket, target, signal, protocol);
}

async function openSocket(target: Target, signal: AbortSignal): Promise<Deno.Conn> {
  const { address, timeouts } = target;
  const limit = startLimit(timeouts.connect, signal, target, "connecting");
  try {
    if (address.transport === "unix") {
      const opening = Deno.connect({ transport: "unix", path: address.path });
      return await new Promise((resolve, reject) => {
        limit.onEnd(() => {
          opening.then((late) => late.close(), () => {});
          reject(limit.reason());
        });
        opening.then(resolve, reject);
      });
    }
    const { hostname, port } = address;
    const socket = await Deno.connect({ hostname, port, signal: limit.signal });
    socket.setNoDelay(true);
    return socket;
  } catch (error) {
    throw limit.reason() ?? failure("connect_failed", target, error);
  } finally {
    limit.clear();
  }
}

/** The header is short: the empty buffer of a new connection takes it at once. */
async function introduce(
  socket: Deno.Conn,
  target: Target,
  { source, destination }: Endpoints,
): Promise<void> {
  try {
    const header = writeProxyHeader(target.proxyProtocol!, source, destination);
    for (let written = 0; written < header.length;) written += await socket.write(header.subarray(written));
  } catch (error) {
    socket.close();
    throw failure("connect_failed", target, error);
  }
}

async function secure(
  socket: Deno.Conn,
  target: Target,
  signal: AbortSignal,
  protocol: PeerProtocol,
): Promise<Connection> {
  const { serverName, caCerts, verifyName } = target.tls!;
  const limit = startLimit(target.timeouts.tls, signal, target, "in the TLS handshake");
  let open = socket;
  try {
    const secured = await Deno.startTls(socket as Deno.TcpConn, {
      hostname: serverName,
      caCerts,
      alpnProtocols: ALPN[protocol],
      unsafelyDisableHostnameVerification: !verifyName,
    });
    open = secured;
    limit.onEnd(() => secured.close());
    const isHttp2 = (await secured.handshake()).alpnProtocol === "h2";
    limit.signal.throwIfAborted();
    if (protocol === "http2" && !isHttp2) throw new Error("it does not speak HTTP/2");
    return new Connection(target, secured, isHttp2);
  } catch (error) {
    try {
      open.close();
    } catch { /* the limit, or startTls itself, closed it already */ }
    throw limit.reason() ?? failure("tls_failed", target, error);
  } finally {
    limit.clear();
  }
}

/** A time limit joined with the caller's signal. */
function startLimit(ms: number, outer: AbortSignal, target: Target, doing: string) {
  const controller = new AbortController();
  const { signal } = controller;
  const cancel = () => controller.abort(outer.reason);
  const timer = ms === Infinity ? undefined : setTimeout(() => {
    controller.abort(
      new ProxyError("connect_timeout", `${target.label}: no answer within ${ms} ms ${doing}`),
    );
  }, ms);
  if (outer.aborted) cancel();
  else outer.addEventListener("abort", cancel);
  return {
    signal,
    onEnd(stop: () => void) {
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop);
    },
    reason: (): unknown => signal.aborted ? signal.reason : undefined,
    clear() {
      clearTimeout(timer);
      outer.removeEventListener("abort", cancel);
    },
  };
}

function failure(type: ErrorType, target: Target, error: unknown): ProxyError {
  return new ProxyError(type, `${target.label}: ${messageOf(error)}`, { cause: error });
}
