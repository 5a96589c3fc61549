/**
 * The access log: one line for every request, after its last byte.
 *
 * @module
 */

import type { HeaderList } from "../http/headers.ts";

/** What is known of a request when it is over. Times are in milliseconds, -1 where not reached. */
export interface AccessEntry {
  /** When the request came, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The client's address. */
  readonly clientAddress: string;
  /** The method. */
  readonly method: string;
  /** The target. */
  readonly target: string;
  /** The Host. */
  readonly host: string;
  /** The status sent, or 499 when the client left before the answer was complete. */
  readonly status: number;
  /** Bytes of the response's body. */
  readonly bytesSent: number;
  /** Bytes of the request's body. */
  readonly bytesReceived: number;
  /** Why the request ended: Envoy's response flag, or `-`. */
  readonly flag: string;
  /** The name of the listener that it came by, "" when there is only one. */
  readonly listener: string;
  /** The name of the route, "" when there are none. */
  readonly route: string;
  /** The last upstream tried, or `-`. */
  readonly upstream: string;
  /** Upstream attempts made. */
  readonly attempts: number;
  /** Opening the upstream connection took this long; 0 when one was reused. */
  readonly connectMs: number;
  /** From the request's arrival to the response's head. */
  readonly firstByteMs: number;
  /** From the request's arrival to the last byte. */
  readonly totalMs: number;
  /** The request id. */
  readonly id: string;
  /** The fields of the request, as its hooks left them. */
  readonly headers: HeaderList;
}

/** The forms of a line. */
export type AccessFormat = "common" | "json";

/** Fields whose values are nobody's business. */
const SECRET = ["authorization", "proxy-authorization", "cookie"];

/** Which fields of requests are in the lines. */
export interface LoggedFields {
  /** Names of fields to log, in the form `json` only. @default {[]} */
  fields?: readonly string[];
  /** Names of fields whose value is not shown, beside `Authorization`, `Proxy-Authorization` and `Cookie`. @default {[]} */
  redact?: readonly string[];
}

/** Makes requests lines of the log. */
export function accessFormatter(
  format: AccessFormat,
  { fields = [], redact = [] }: LoggedFields = {},
): (entry: AccessEntry) => string {
  if (format === "common") return common;
  const secret = new Set([...SECRET, ...redact.map((name) => name.toLowerCase())]);
  const names = [...new Set(fields.map((name) => name.toLowerCase()))];
  return (entry) => json(entry, names.length === 0 ? undefined : shown(entry, names, secret));
}

function shown({ headers }: AccessEntry, names: readonly string[], secret: ReadonlySet<string>) {
  const values = names.map((name) => [name, headers.get(name)] as const).filter(([, value]) =>
    value !== null
  );
  return Object.fromEntries(values.map(([name, value]) => [name, secret.has(name) ? "[redacted]" : value]));
}

/** The Common Log Format, then flag, upstream, attempts, connect, first byte and total time, id. */
function common(e: AccessEntry): string {
  const request = quoted(`${e.method} ${e.target} HTTP/1.1`);
  return `${e.clientAddress} - - [${clfTime(e.startedAt)}] ${request} ${e.status} ${e.bytesSent} ` +
    `${e.flag} ${e.upstream} ${e.attempts} ${ms(e.connectMs)} ${ms(e.firstByteMs)} ${ms(e.totalMs)} ${e.id}`;
}

function json(e: AccessEntry, headers?: Record<string, unknown>): string {
  return JSON.stringify({
    ts: new Date(e.startedAt).toISOString(),
    client: e.clientAddress,
    method: e.method,
    host: e.host,
    target: e.target,
    status: e.status,
    bytes_sent: e.bytesSent,
    bytes_received: e.bytesReceived,
    flags: e.flag,
    listener: e.listener === "" ? undefined : e.listener,
    route: e.route === "" ? undefined : e.route,
    upstream: e.upstream,
    attempts: e.attempts,
    connect_ms: rounded(e.connectMs),
    first_byte_ms: rounded(e.firstByteMs),
    total_ms: rounded(e.totalMs),
    id: e.id,
    headers,
  });
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
let second = -1;
let secondText = "";

function clfTime(time: number): string {
  const now = Math.floor(time / 1000);
  if (now !== second) {
    second = now;
    const iso = new Date(time).toISOString();
    const month = MONTHS[Number(iso.slice(5, 7)) - 1];
    secondText = `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  }
  return secondText;
}

function rounded(time: number): number {
  return time < 0 ? -1 : Math.round(time * 100) / 100;
}

function ms(time: number): string {
  return time < 0 ? "-1" : time.toFixed(1);
}

// deno-lint-ignore no-control-regex
const TO_ESCAPE = /["\\\x00-\x1f\x7f-\uffff]/g;

function quoted(text: string): string {
  const safe = text.replace(
    TO_ESCAPE,
    (c) => c === '"' || c === "\\" ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `"${safe}"`;
}
