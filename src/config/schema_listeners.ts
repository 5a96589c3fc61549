/**
 * The schema of `listeners`, and of what is beside the requests: `admin`, `logs` and `redis`.
 *
 * @module
 */
import * as z from "zod";
import {
  address,
  duration,
  fieldName,
  file,
  flag,
  key,
  list,
  matching,
  name,
  number,
  oneOf,
  oneOrMore,
  range,
  section,
  size,
  text,
  whole,
} from "./schema_values.ts";

const pair = section({
  cert: file().describe("PEM file: the certificate, then those that it was issued by"),
  key: file().describe("PEM file: the key, not encrypted"),
});

const hsts = section({
  maxAge: key(duration(), "How long browsers come back by https alone (default: 365d as 31536000 s)"),
  includeSubDomains: key(flag(), "Whether that goes for all names below too (default: false)"),
  preload: key(flag(), "Whether the name may be built into browsers (default: false)"),
});

/** One of `listeners`. */
export const listenerSchema = section({
  address: address.describe("Where to listen: host:port, [v6]:port or unix:/path"),
  name: key(name, "For match.listener of routes (default: the address)"),
  front: key(
    oneOf("serve", "tcp"),
    "What listens: serve is Deno.serve; tcp is Postern's own HTTP/1.1 server, which has all of the limits below (default: serve)",
  ),
  tls: key(
    oneOrMore(pair),
    "Speak TLS with these files; of several pairs, a client gets the one whose certificate has the name that it asks for, or else the first",
  ),
  proxyProtocol: key(
    list(range),
    "Addresses and ranges whose connections have to begin with a PROXY protocol header (default: none)",
  ),
  relayPorts: key(
    list(whole(0, 65_535)),
    "With the front serve: ports of 127.0.0.1 behind a relay that has several certificates and can change them; two for each pair, or 0 for any",
  ),
  http2: key(flag(), "Whether HTTP/2 is spoken (default: true)"),
  maxStreams: key(whole(1), "Requests at a time on a connection by HTTP/2 (default: 128)"),
  maxMessage: key(size(1024), "With the front serve: the largest WebSocket message (default: 16MB)"),
  headTimeout: key(
    duration(),
    "From the first byte of a request's head to its last; beyond, 408 (default: 10s)",
  ),
  idleTimeout: key(duration(), "Before the first request of a connection, and between two (default: 75s)"),
  writeTimeout: key(duration(), "The client takes no byte of what it is sent (default: 5m)"),
  tunnelTimeout: key(duration(), "No byte goes either way behind a 101 (default: 1h)"),
  minRate: key(
    size(),
    "Bytes a second that a client has to send of a body and take of an answer, from 5 s on (default: 240)",
  ),
  maxConnections: key(whole(), "Connections at a time; 0 is no limit (default: 16384)"),
  maxConnectionsPerAddress: key(
    whole(),
    "Connections at a time from one address; 0 is no limit (default: 0)",
  ),
  maxRequests: key(whole(), "Requests on a connection; 0 is no limit (default: 10000)"),
  maxRequestLine: key(size(256, 1024 ** 2), "The longest request line; beyond, 414 (default: 16KB)"),
  maxHead: key(size(1024, 1024 ** 2), "The largest head; beyond, 431 (default: 64KB)"),
  maxFields: key(whole(1), "The most header fields; beyond, 431 (default: 200)"),
  maxDiscard: key(size(), "Of an upload, read and thrown away behind an early answer (default: 10MB)"),
  reusePort: key(flag(), "Let several processes listen there, among which the system spreads connections"),
  redirectHttp: key(
    address,
    "Listen there as well, without TLS, and send every client to the same URL with https (308)",
  ),
  redirectPort: key(
    whole(1, 65_535),
    "The port of https that they are sent to (default: the listener's own)",
  ),
  hsts: key(
    z.union([flag(), hsts]),
    "Add Strict-Transport-Security to answers: true for a year, or a mapping (default: false)",
  ),
});

const STATUS = "a status such as 404, 500-599 or 5xx";
const status = z.union([
  z.int({ error: STATUS }).min(100, { error: STATUS }).max(599, { error: STATUS }),
  matching(/^[1-5](?:\d\d(?:-[1-5]\d\d)?|xx)$/, STATUS),
], { error: STATUS }).transform((given) => String(given));

const access = section({
  format: key(oneOf("common", "json", "off"), "The form of a line (default: common)"),
  file: key(file(), "Where to write it (default: standard output)"),
  status: key(list(status), 'Only requests with these statuses, such as ["5xx", 404]'),
  slowerThan: key(duration(), "Also requests that took longer"),
  sample: key(number(0, 1), "The share of the others, from 0 to 1"),
  redact: key(list(fieldName), "Header fields whose values are not logged"),
  fields: key(list(fieldName), "Header fields of the request to log"),
});

/** `logs`. */
export const logsSchema = section({
  level: key(
    oneOf("debug", "info", "warn", "error"),
    "The lowest level of the application log (default: info)",
  ),
  access: key(
    z.union([oneOf("common", "json", "off"), access]).transform((given): z.output<typeof access> =>
      typeof given === "string" ? { format: given } : given
    ),
    "The access log: its form, or a mapping",
  ),
});

/** `admin`. */
export const adminSchema = section({
  listen: address.describe("Where the status page, metrics and admin API listen, such as 127.0.0.1:6190"),
  token: key(
    matching(/^[\x21-\x7e]{16,}$/, "a token of 16 characters or more, without spaces"),
    "What actions have to bring along; without it there are none",
  ),
  tokenFile: key(file(), "A file with the token, instead of token"),
  hosts: key(list(text("the name of a host")), "Names it is reached by, beside addresses and localhost"),
});

/** `redis`. */
export const redisSchema = section({
  url: matching(
    /^rediss?:\/\/(?:[^@\s/]*@)?[\w.:[\]-]+(?:\/\d+)?$/,
    "a URL such as redis://127.0.0.1:6379",
  ).describe("Where Redis is: redis:// or, with TLS, rediss://[USER:PASSWORD@]HOST:PORT[/DATABASE]"),
  prefix: key(text(), "What all keys begin with (default: postern:)"),
});
