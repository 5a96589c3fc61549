/**
 * Checking a backend by a request.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";
import { HeaderList } from "../http/headers.ts";
import { type Address, formatAddress, parseAddress } from "../upstream/address.ts";
import { connect } from "../upstream/connect.ts";
import { Exchange } from "../upstream/exchange.ts";
import { type Peer, type PeerTls, type Target, targetOf } from "../upstream/peer.ts";
import { ConnectionPool } from "../upstream/pool.ts";
import type { BodyReader } from "../http/body_reading.ts";
import { Watchdog } from "../http/watchdog.ts";
import { statusSet } from "../http/status_set.ts";
import type { Check } from "./tcp_check.ts";

/** The most of a body that is looked at, in bytes. */
const BODY_LIMIT = 64 * 1024;

/** Settings of {@linkcode httpCheck}. */
export interface HttpCheckOptions {
  /** The method. @default {"GET"} */
  method?: string;
  /** The path, with the query if there is one. @default {"/"} */
  path?: string;
  /** The `Host`. @default the TLS server name, or the address */
  host?: string;
  /** The statuses that pass: a list of numbers and ranges. Redirections are not followed. @default {"200-399"} */
  expect?: string;
  /** What the body must contain, or match, within its first 64 KiB. @default anything */
  body?: string | RegExp;
  /** How TLS is spoken; `false` for plain text. @default as with the peer */
  tls?: PeerTls | false;
  /** Checked rather than the peer's own port. */
  port?: number;
  /** For all of it, in milliseconds, unless the health checks' `timeout` says otherwise. @default {2_000} */
  timeout?: number;
}

/**
 * A check that passes when a request is answered as expected. Every check has a connection of its own.
 *
 * @throws {RangeError} that names the option that cannot be used
 */
export function httpCheck(options: HttpCheckOptions = {}): Check {
  const { method = "GET", path = "/", expect = "200-399", body: wanted, timeout = 2_000 } = options;
  const passes = statusSet(expect);
  if (!/^[A-Z]+$/.test(method)) throw new RangeError(`Cannot use check method ${JSON.stringify(method)}`);
  if (!/^\/[\x21-\x7e]*$/.test(path)) {
    throw new RangeError(`Cannot use check path ${JSON.stringify(path)}: expected "/" and no spaces`);
  }
  if (wanted !== undefined && method === "HEAD") throw new RangeError("Cannot match the body of a HEAD");
  const targets = new WeakMap<Peer, { target: Target; headers: HeaderList }>();

  const check = async (peer: Peer, signal: AbortSignal) => {
    let known = targets.get(peer);
    if (known === undefined) targets.set(peer, known = prepareFor(peer, options));
    const { target, headers } = known;
    const watchdog = new Watchdog();
    const exchange = new Exchange(await connect(target, signal), watchdog, new ConnectionPool(watchdog));
    const stop = () => exchange.abort(signal.reason);
    signal.addEventListener("abort", stop);
    try {
      if (signal.aborted) throw signal.reason;
      const framing = method === "GET" || method === "HEAD" || method === "OPTIONS" ? null : 0;
      const head = await exchange.begin({ method, target: path, headers }, framing);
      if (!passes(head.status)) throw unexpected(`HTTP ${head.status}, expected ${expect}`);
      const body = exchange.readBody(head, method);
      if (wanted === undefined) return;
      const text = body === null ? "" : await textOf(body);
      const matches = typeof wanted === "string" ? text.includes(wanted) : text.search(wanted) >= 0;
      if (!matches) throw unexpected("body does not match");
    } finally {
      signal.removeEventListener("abort", stop);
      exchange.abort(DONE);
    }
  };
  return Object.assign(check, { timeout });
}

const DONE = new ProxyError("client_gone", "The check is done");

function unexpected(what: string): ProxyError {
  return new ProxyError("bad_response", what);
}

/** Where the check of a peer goes, and what it says. */
function prepareFor(
  peer: Peer,
  { host, port, tls = peer.tls ?? false }: HttpCheckOptions,
): { target: Target; headers: HeaderList } {
  let address = parseAddress(peer.address);
  if (port !== undefined) {
    if (address.transport !== "tcp") throw new RangeError(`Cannot check port ${port} of ${peer.address}`);
    address = { ...address, port };
  }
  // The time of the whole check is limited from outside.
  const timeouts = { connect: 0, tls: 0, firstByte: 0, readIdle: 0, write: 0 };
  const target = targetOf({
    address: formatAddress(address),
    maxIdle: 0,
    timeouts,
    ...(tls === false ? {} : { tls: { ...tls } }),
  });
  const headers = new HeaderList([
    ["host", host ?? hostOf(address, target)],
    ["user-agent", "postern-health-check"],
    ["accept", "*/*"],
    ["accept-encoding", "identity"],
    ["connection", "close"],
  ]);
  return { target, headers };
}

function hostOf(address: Address, { tls }: Target): string {
  if (address.transport === "unix") return tls?.serverName ?? "localhost";
  const name = tls?.serverName ?? address.hostname;
  const { port } = address;
  const bracketed = name.includes(":") ? `[${name}]` : name;
  return port === (tls === undefined ? 80 : 443) ? bracketed : `${bracketed}:${port}`;
}

/** The beginning of a body. */
async function textOf(body: BodyReader): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let left = BODY_LIMIT;
  for (let piece; left > 0 && (piece = await body.read()) !== null;) {
    text += decoder.decode(piece.subarray(0, left), { stream: true });
    left -= piece.length;
  }
  return text + decoder.decode();
}
