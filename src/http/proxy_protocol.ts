/**
 * Reading the header of the PROXY protocol, strictly: HAProxy's proxy-protocol.txt, version 1 (section 2.1)
 * and version 2 (section 2.2).
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import type { Endpoint } from "./endpoint.ts";
import { ProxyError } from "./errors.ts";

/** The longest line of version 1, in bytes, its CRLF included. */
const MAX_LINE = 107;
/** The longest header of version 2, in bytes: a limit of Postern's, the protocol's own is 64 KB. */
const MAX_BLOCK = 4096;

const STARTS = ["PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN ", "PROXY UNKNOWN\r"];
const FIELDS = ["source address", "destination address", "source port", "destination port"];
/** One of these makes a whole field of any text that a field can begin with. */
const ENDINGS = ["", "0", ":", "::", ".0", ".0.0", ".0.0.0", "0.0", "0.0.0", "0.0.0.0"];

/** What every header of version 2 begins with. */
export const SIGNATURE: readonly number[] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
/** The bytes before the addresses. */
const FIXED = 16;
const PROXY = 0x21;
/** The bytes of both addresses, ports included, by family: none, IPv4, IPv6, Unix. */
const ADDRESSES = [0, 12, 36, 216];
const UNIX = 3;
const CRC32C = 3;

/** What a header says. */
export interface ProxyHeader {
  /** Where the first byte behind the header is. */
  end: number;
  /** Who connected to the sender; undefined when the connection's own address holds. */
  source: Endpoint | undefined;
  /** Where that connection went to; undefined together with the source. */
  destination: Endpoint | undefined;
}

/**
 * Reads the header between `start` and `end`: undefined when its last bytes are still to come.
 * How the bytes are split never changes what comes out, and no more bytes are waited for than a valid header has.
 *
 * IPv4-mapped addresses are given as IPv4. UNKNOWN, LOCAL, UNSPEC and Unix sockets give no endpoints. What follows
 * LOCAL and UNSPEC is skipped unread, as the protocol asks; of other TLVs the lengths and the CRC32c are checked.
 *
 * @throws {ProxyError} `bad_request`, as soon as the bytes cannot become a valid header
 */
export function readProxyHeader(buffer: Uint8Array, start: number, end: number): ProxyHeader | undefined {
  const bytes = buffer.subarray(start, Math.min(end, start + MAX_BLOCK));
  const header = bytes[0] === SIGNATURE[0] ? readBlock(bytes) : readLine(bytes);
  if (header !== undefined) header.end += start;
  return header;
}

function readLine(bytes: Uint8Array): ProxyHeader | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, MAX_LINE));
  if (!STARTS.some((start) => text.startsWith(start) || start.startsWith(text))) {
    throw bad(`it begins with ${JSON.stringify(text.slice(0, 20))}`);
  }
  const cr = text.indexOf("\r");
  const ended = cr >= 0;
  const line = ended ? text.slice(0, cr) : text;
  if (line.includes("\n") || (ended && (text[cr + 1] ?? "\n") !== "\n")) throw bad("it has a bare CR or LF");
  const [, protocol, ...fields] = line.split(" ");
  if (protocol !== "UNKNOWN") checkFields(fields, protocol === "TCP4" ? "ipv4" : "ipv6", ended);
  if (line.length > MAX_LINE - 2) throw bad(`its line is longer than ${MAX_LINE} bytes`);
  if (!ended || text.length < cr + 2) return undefined;
  const endpoint = (i: number) => ({
    hostname: hostnameOf(parseIp(fields[i]!)!),
    port: Number(fields[i + 2]),
  });
  return protocol === "UNKNOWN"
    ? { end: cr + 2, source: undefined, destination: undefined }
    : { end: cr + 2, source: endpoint(0), destination: endpoint(1) };
}

/** Checks the fields of a line; unless it is ended, there may be more of the last one and others behind it. */
function checkFields(fields: string[], kind: "ipv4" | "ipv6", ended: boolean): void {
  for (const [i, field] of fields.entries()) {
    const fits = (text: string) => i < 2 ? parseIp(text)?.kind() === kind : i < 4 && isPort(text);
    const whole = ended || i < fields.length - 1;
    if (!(whole ? fits(field) : ENDINGS.some((ending) => fits(field + ending)))) {
      throw bad(`its ${FIELDS[i] ?? "number of fields"} is wrong at ${JSON.stringify(field)}`);
    }
  }
  if (ended && fields.length < FIELDS.length) throw bad(`its ${FIELDS[fields.length]} is missing`);
}

function readBlock(bytes: Uint8Array): ProxyHeader | undefined {
  // Bytes still to come are taken for ones that are right.
  if (SIGNATURE.some((byte, i) => (bytes[i] ?? byte) !== byte)) throw bad("its signature is wrong");
  const command = bytes[12] ?? PROXY;
  if (command >> 4 !== 2) throw bad(`its version is ${command >> 4}`);
  if (command > PROXY) throw bad(`its command is ${command & 15}`);
  const family = (bytes[13] ?? 0) >> 4;
  const transport = (bytes[13] ?? 0) & 15;
  if (command === PROXY && (family > UNIX || transport > 2)) {
    throw bad(`its family is ${family}, its transport ${transport}`);
  }
  const end = FIXED + uint16(bytes, 14);
  if (end > MAX_BLOCK) throw bad(`it is longer than ${MAX_BLOCK} bytes`);
  if (bytes.length < FIXED) return undefined;

  const skipped = command !== PROXY || family === 0 || transport === 0;
  const tlvs = FIXED + (skipped ? 0 : ADDRESSES[family]!);
  if (tlvs > end) throw bad("it is shorter than its addresses");
  if (!skipped) checkTlvs(bytes, tlvs, end);
  if (bytes.length < end) return undefined;
  if (skipped || family === UNIX) return { end, source: undefined, destination: undefined };
  const size = (tlvs - FIXED - 4) / 2;
  const endpoint = (i: number) => ({
    hostname: hostnameOf(ipaddr.fromByteArray([...bytes.subarray(FIXED + i * size).subarray(0, size)])),
    port: uint16(bytes, tlvs - 4 + i * 2),
  });
  return { end, source: endpoint(0), destination: endpoint(1) };
}

/** Checks the lengths of the TLVs and, once all bytes are there, the checksum. */
function checkTlvs(bytes: Uint8Array, start: number, end: number): void {
  let checksum: number | undefined;
  for (let at = start; at < end;) {
    const next = at + 3 + uint16(bytes, at + 1);
    if (next > end) throw bad("a TLV is longer than the header");
    if (bytes.length < at + 3) return;
    if (bytes[at] === CRC32C) {
      if (next !== at + 7 || checksum !== undefined) throw bad("its CRC32c is not one of 4 bytes");
      checksum = at + 3;
    }
    at = next;
  }
  if (checksum === undefined || bytes.length < end) return;
  const sent = uint16(bytes, checksum) * 0x10000 + uint16(bytes, checksum + 2);
  if (crc32c(bytes.slice(0, end).fill(0, checksum, checksum + 4)) !== sent) throw bad("its CRC32c is wrong");
}

/** CRC32c, RFC 4960 appendix B. */
function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** A number in network byte order; bytes still to come count as zeros, so it is the least that it can be. */
function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535;
}

/**
 * Reads an IP address as `inet_pton` does, undefined when it is none. By itself ipaddr.js also takes zones and octal
 * numbers, and `::1.2.3.4` for an IPv4-mapped address.
 */
export function parseIp(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const tail = text.slice(text.lastIndexOf(":") + 1);
  const v4 = ipaddr.IPv4.isValidFourPartDecimal(tail) ? ipaddr.IPv4.parse(tail) : undefined;
  if (v4 !== undefined && tail === text) return v4;
  const groups = v4?.toIPv4MappedAddress().toString().slice("::ffff:".length) ?? tail;
  const v6 = text.slice(0, text.length - tail.length) + groups;
  return /^[\da-f:]+$/i.test(v6) && ipaddr.IPv6.isValid(v6) ? ipaddr.IPv6.parse(v6) : undefined;
}

function hostnameOf(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return ipaddr.process(address.toString()).toString();
}

function bad(what: string): ProxyError {
  return new ProxyError("bad_request", `The PROXY header is malformed: ${what}`);
}
