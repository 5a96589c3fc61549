import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { concat } from "../../src/http/body.ts";
import { ProxyError } from "../../src/http/errors.ts";
import type { Endpoint } from "../../src/http/endpoint.ts";
import { type ProxyHeader, readProxyHeader } from "../../src/http/proxy_protocol.ts";
import { writeProxyHeader } from "../../src/http/proxy_protocol_writer.ts";
import { Random } from "../support/random.ts";

/** The bytes of a line of version 1. */
function line(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The bytes that the hexadecimal digits stand for. */
function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/[\da-f]{2}/g)!, (byte) => parseInt(byte, 16));
}

/** The signature of version 2. */
const SIGN = "0d0a0d0a000d0a515549540a";
/** Both addresses of a connection from 192.0.2.1:258 to 198.51.100.2:443. */
const V4 = "c0000201 c6336402 0102 01bb";
/** Both addresses of a connection from 2001:db8::1 port 258 to 2001:db8::2 port 443. */
const V6 = "20010db8000000000000000000000001 20010db8000000000000000000000002 0102 01bb";

function read(bytes: Uint8Array): ProxyHeader | undefined {
  return readProxyHeader(bytes, 0, bytes.length);
}

/** What a header says, as text: `source > destination`, or that it says nothing. */
function said({ source, destination }: ProxyHeader): string {
  const text = (endpoint: Endpoint | undefined) => endpoint && `${endpoint.hostname} ${endpoint.port}`;
  return source === undefined && destination === undefined
    ? "nothing"
    : `${text(source)} > ${text(destination)}`;
}

const good: [name: string, bytes: Uint8Array, said: string][] = [
  [
    "version 1, the specification's example",
    line("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
    "192.168.0.1 56324 > 192.168.0.11 443",
  ],
  [
    "version 1, the longest IPv4",
    line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
    "255.255.255.255 65535 > 255.255.255.255 65535",
  ],
  ["version 1, the shortest IPv4", line("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0 0 > 0.0.0.0 0"],
  [
    "version 1, the longest IPv6",
    line(`PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"FFFF:".repeat(7)}FFFF 65535 65535\r\n`),
    `${"ffff:".repeat(7)}ffff 65535 > ${"ffff:".repeat(7)}ffff 65535`,
  ],
  ["version 1, the shortest IPv6", line("PROXY TCP6 :: ::1 1 2\r\n"), ":: 1 > ::1 2"],
  [
    "version 1, IPv6 in a long form",
    line("PROXY TCP6 2001:0DB8:0:0:0001:0:0:0 1:0:2:3:4:5:6:7 1 2\r\n"),
    "2001:db8:0:0:1:: 1 > 1:0:2:3:4:5:6:7 2",
  ],
  [
    "version 1, IPv6 with an IPv4 tail that is no mapped address",
    line("PROXY TCP6 ::1.2.3.4 64:ff9b::1.2.3.4 1 2\r\n"),
    "::102:304 1 > 64:ff9b::102:304 2",
  ],
  [
    "version 1, a mapped address in hexadecimal",
    line("PROXY TCP6 ::ffff:102:304 ::1 1 2\r\n"),
    "1.2.3.4 1 > ::1 2",
  ],
  ["version 1, unknown", line("PROXY UNKNOWN\r\n"), "nothing"],
  [
    "version 1, unknown, of the longest line",
    line(`PROXY UNKNOWN ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`),
    "nothing",
  ],
  ["version 1, unknown, with anything behind", line("PROXY UNKNOWN  \0\xff TCP4 1.2.3.4\r\n"), "nothing"],
  ["version 2, local", hex(`${SIGN} 20 00 0000`), "nothing"],
  ["version 2, local, with addresses", hex(`${SIGN} 20 11 000c ${V4}`), "nothing"],
  ["version 2, local, whatever is behind", hex(`${SIGN} 20 ff 0003 030001`), "nothing"],
  ["version 2, of no family", hex(`${SIGN} 21 00 0000`), "nothing"],
  ["version 2, of no family, with anything behind", hex(`${SIGN} 21 00 0003 03ffff`), "nothing"],
  ["version 2, of no transport", hex(`${SIGN} 21 10 000c ${V4}`), "nothing"],
  ["version 2, Unix stream", hex(`${SIGN} 21 31 00d8 ${"2f".repeat(216)}`), "nothing"],
  ["version 2, Unix datagram with a TLV", hex(`${SIGN} 21 32 00db ${"2f".repeat(216)} 040000`), "nothing"],
  ["version 2, TCP on IPv4", hex(`${SIGN} 21 11 000c ${V4}`), "192.0.2.1 258 > 198.51.100.2 443"],
  ["version 2, UDP on IPv4", hex(`${SIGN} 21 12 000c ${V4}`), "192.0.2.1 258 > 198.51.100.2 443"],
  ["version 2, TCP on IPv6", hex(`${SIGN} 21 21 0024 ${V6}`), "2001:db8::1 258 > 2001:db8::2 443"],
  [
    "version 2, mapped addresses",
    hex(`${SIGN} 21 21 0024 ${"00".repeat(10)}ffff01020304 ${"00".repeat(12)}01020304 ffff 0000`),
    "1.2.3.4 65535 > ::102:304 0",
  ],
  [
    "version 2, TLVs: ALPN, an empty one, one of an unknown type",
    hex(`${SIGN} 21 11 0019 ${V4} 01 0002 6832 04 0000 ea 0002 0d0a`),
    "192.0.2.1 258 > 198.51.100.2 443",
  ],
  [
    "version 2, as long as is allowed",
    hex(`${SIGN} 21 11 0ff0 ${V4} 04 0fe1 ${"00".repeat(0xfe1)}`),
    "192.0.2.1 258 > 198.51.100.2 443",
  ],
  // What haproxy 2.6.12 sent.
  [
    "haproxy, send-proxy, IPv4",
    line("PROXY TCP4 127.0.0.1 127.0.0.1 55950 17101\r\n"),
    "127.0.0.1 55950 > 127.0.0.1 17101",
  ],
  ["haproxy, send-proxy, IPv6", line("PROXY TCP6 ::1 ::1 53176 17101\r\n"), "::1 53176 > ::1 17101"],
  [
    "haproxy, send-proxy, IPv4 on a socket for both",
    line("PROXY TCP6 ::ffff:127.0.0.1 ::ffff:127.0.0.1 47244 17105\r\n"),
    "127.0.0.1 47244 > 127.0.0.1 17105",
  ],
  [
    "haproxy, send-proxy-v2, IPv4",
    hex("0d0a0d0a000d0a515549540a2111000c7f0000017f0000018a8842ce"),
    "127.0.0.1 35464 > 127.0.0.1 17102",
  ],
  [
    "haproxy, send-proxy-v2, IPv6",
    hex(
      "0d0a0d0a000d0a515549540a212100240000000000000000000000000000000100000000000000000000000000000001a6ae42ce",
    ),
    "::1 42670 > ::1 17102",
  ],
  ["haproxy, send-proxy-v2, a health check", hex("0d0a0d0a000d0a515549540a20000000"), "nothing"],
  [
    "haproxy, a checksum and an empty unique id, IPv4",
    hex("0d0a0d0a000d0a515549540a211100167f0000017f0000018b6e42cf030004d786a927050000"),
    "127.0.0.1 35694 > 127.0.0.1 17103",
  ],
  [
    "haproxy, a checksum and an empty unique id, IPv6",
    hex(
      "0d0a0d0a000d0a515549540a2121002e20010db800000000000000000000000720010db8000000010000000000000009c82201bb030004016addee050000",
    ),
    "2001:db8::7 51234 > 2001:db8:0:1::9 443",
  ],
];

for (const [name, bytes, expected] of good) {
  Deno.test(`a PROXY header is read however it is split: ${name}`, () => {
    for (let end = 0; end < bytes.length; end++) {
      assertEquals(readProxyHeader(bytes, 0, end), undefined, `after ${end} bytes`);
    }
    const header = read(bytes)!;
    assertEquals([said(header), header.end], [expected, bytes.length]);
    const amid = concat([line("PROXY"), bytes, line("\r\nGET / HTTP/1.1\r\n")]);
    assertEquals(readProxyHeader(amid, 5, amid.length), { ...header, end: 5 + bytes.length }, "amid others");
    assertEquals(readProxyHeader(amid, 5, 4 + bytes.length), undefined, "all but one byte, amid others");
  });
}

/** Each up to and including the first byte that no valid header has there. */
const malformed: [name: string, bytes: Uint8Array, message: string][] = [
  ["a request", line("G"), "it begins with"],
  ["a request that begins like a header", line("PU"), "it begins with"],
  ["TLS", hex("16"), "it begins with"],
  ["lower case", line("p"), "it begins with"],
  ["a tab", line("PROXY\t"), "it begins with"],
  ["no protocol", line("PROXY\r"), "it begins with"],
  ["a bare LF instead of a protocol", line("PROXY\n"), "it begins with"],
  ["two spaces before the protocol", line("PROXY  "), "it begins with"],
  ["an unknown protocol", line("PROXY TCP5"), "it begins with"],
  ["UDP", line("PROXY UD"), "it begins with"],
  ["a longer protocol", line("PROXY TCP44"), "it begins with"],
  ["no addresses", line("PROXY TCP4\r"), "it begins with"],
  ["more than unknown", line("PROXY UNKNOWNS"), "it begins with"],
  ["a bare LF behind unknown", line("PROXY UNKNOWN\n"), "it begins with"],
  ["a bare LF behind something unknown", line("PROXY UNKNOWN x\n"), "bare CR or LF"],
  ["a bare CR behind unknown", line("PROXY UNKNOWN\rx"), "bare CR or LF"],
  ["two CR", line("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r"), "bare CR or LF"],
  ["a bare LF", line("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"), "bare CR or LF"],
  ["two spaces before the source", line("PROXY TCP4  "), 'source address is wrong at ""'],
  ["two spaces before the destination", line("PROXY TCP4 1.2.3.4  "), 'destination address is wrong at ""'],
  ["two spaces before a port", line("PROXY TCP4 1.2.3.4 1.2.3.4  "), 'source port is wrong at ""'],
  ["a space at the end", line("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 "), "number of fields"],
  ["a tab between ports", line("PROXY TCP4 1.2.3.4 1.2.3.4 1\t"), "source port is wrong"],
  ["no destination", line("PROXY TCP4 1.2.3.4\r"), "destination address is missing"],
  ["no ports", line("PROXY TCP4 1.2.3.4 1.2.3.4\r"), "source port is missing"],
  ["no destination port", line("PROXY TCP4 1.2.3.4 1.2.3.4 1\r"), "destination port is missing"],
  ["an empty destination port", line("PROXY TCP4 1.2.3.4 1.2.3.4 1 \r"), 'destination port is wrong at ""'],
  ["a port with a leading zero", line("PROXY TCP4 1.2.3.4 1.2.3.4 01"), 'source port is wrong at "01"'],
  ["a port of two zeros", line("PROXY TCP4 1.2.3.4 1.2.3.4 1 00"), 'destination port is wrong at "00"'],
  ["port 65536", line("PROXY TCP4 1.2.3.4 1.2.3.4 65536"), "source port is wrong"],
  ["port 100000", line("PROXY TCP4 1.2.3.4 1.2.3.4 1 100000"), "destination port is wrong"],
  ["a negative port", line("PROXY TCP4 1.2.3.4 1.2.3.4 -"), "source port is wrong"],
  ["a port with a plus", line("PROXY TCP4 1.2.3.4 1.2.3.4 +"), "source port is wrong"],
  ["a hexadecimal port", line("PROXY TCP4 1.2.3.4 1.2.3.4 0x"), "source port is wrong"],
  ["a port of Arabic digits", line("PROXY TCP4 1.2.3.4 1.2.3.4 \xd9"), "source port is wrong"],
  ["three octets", line("PROXY TCP4 1.2.3 "), "source address is wrong"],
  ["five octets", line("PROXY TCP4 1.2.3.4."), "source address is wrong"],
  ["an empty octet", line("PROXY TCP4 1.."), "source address is wrong"],
  ["an octet of 256", line("PROXY TCP4 1.2.3.4 1.256"), "destination address is wrong"],
  ["an octet with a leading zero", line("PROXY TCP4 1.2.3.4 1.2.3.01"), "destination address is wrong"],
  ["a hexadecimal octet", line("PROXY TCP4 0x"), "source address is wrong"],
  ["a name", line("PROXY TCP4 l"), "source address is wrong"],
  ["IPv6 as TCP4", line("PROXY TCP4 :"), "source address is wrong"],
  ["IPv4 as TCP6", line("PROXY TCP6 1."), "source address is wrong"],
  ["IPv4 as the destination of TCP6", line("PROXY TCP6 ::1 127."), "destination address is wrong"],
  ["IPv6 of seven groups", line("PROXY TCP6 1:2:3:4:5:6:7 "), "source address is wrong"],
  ["IPv6 of nine groups", line("PROXY TCP6 1:2:3:4:5:6:7:8:"), "source address is wrong"],
  ["IPv6 with two double colons", line("PROXY TCP6 1::2::"), "source address is wrong"],
  ["IPv6 with three colons", line("PROXY TCP6 :::"), "source address is wrong"],
  ["IPv6 with a double colon for no group", line("PROXY TCP6 1:2:3:4::5:6:7:8"), "source address is wrong"],
  ["IPv6 with a colon at the end", line("PROXY TCP6 1::2: "), "source address is wrong"],
  ["a group of five digits", line("PROXY TCP6 00000"), "source address is wrong"],
  ["a group that is not hexadecimal", line("PROXY TCP6 ::1 ::g"), "destination address is wrong"],
  ["IPv6 in brackets", line("PROXY TCP6 ["), "source address is wrong"],
  ["IPv6 with a zone", line("PROXY TCP6 fe80::1%"), "source address is wrong"],
  ["an IPv4 tail with a leading zero", line("PROXY TCP6 ::ffff:1.02"), "source address is wrong"],
  ["an IPv4 tail behind too many groups", line("PROXY TCP6 1:2:3:4:5:6:7:8."), "source address is wrong"],
  ["a line that cannot end in time", line("PROXY UNKNOWN ".padEnd(106, "x")), "longer than 107 bytes"],
  [
    "addresses that are too long together",
    line(`PROXY TCP6 ${`${"0000:".repeat(6)}111.111.111.111 `.repeat(2)}111`),
    "longer than 107 bytes",
  ],
  ["a wrong signature", hex("0d0a0d0a000d0a515549540d"), "signature"],
  ["an empty line", hex("0d0a 47"), "signature"],
  ["version 1 in binary", hex(`${SIGN} 11`), "its version is 1"],
  ["version 3", hex(`${SIGN} 31`), "its version is 3"],
  ["a command that is not assigned", hex(`${SIGN} 22`), "its command is 2"],
  ["a family that is not assigned", hex(`${SIGN} 21 41`), "its family is 4, its transport 1"],
  ["a transport that is not assigned", hex(`${SIGN} 21 13`), "its family is 1, its transport 3"],
  ["a length of 4096", hex(`${SIGN} 21 11 10`), "longer than 4096 bytes"],
  ["a length of 4081", hex(`${SIGN} 21 11 0ff1`), "longer than 4096 bytes"],
  ["a local header that is too long", hex(`${SIGN} 20 00 ff`), "longer than 4096 bytes"],
  ["a length without addresses", hex(`${SIGN} 21 11 0000`), "shorter than its addresses"],
  ["a length short of IPv4 addresses", hex(`${SIGN} 21 11 000b`), "shorter than its addresses"],
  ["a length short of IPv6 addresses", hex(`${SIGN} 21 21 0023`), "shorter than its addresses"],
  ["a length short of Unix addresses", hex(`${SIGN} 21 31 00d7`), "shorter than its addresses"],
  ["no room for a TLV", hex(`${SIGN} 21 11 000e`), "TLV"],
  ["no room for a second TLV", hex(`${SIGN} 21 11 0012 ${V4} 04 0001`), "TLV"],
  ["a TLV one byte too long", hex(`${SIGN} 21 11 0010 ${V4} 04 0002`), "TLV"],
  ["a TLV much too long", hex(`${SIGN} 21 11 0010 ${V4} 04 01`), "TLV"],
  ["a second TLV that is too long", hex(`${SIGN} 21 11 0013 ${V4} 04 0000 04 0002`), "TLV"],
  ["a wrong TLV behind Unix addresses", hex(`${SIGN} 21 31 00db ${"2f".repeat(216)} 04 0001`), "TLV"],
  ["a checksum of three bytes", hex(`${SIGN} 21 11 0012 ${V4} 03 0003`), "CRC32c is not one of 4 bytes"],
  [
    "two checksums",
    hex(`${SIGN} 21 11 001a ${V4} 03 0004 00000000 03 0004`),
    "CRC32c is not one of 4 bytes",
  ],
  [
    "a wrong checksum",
    hex("0d0a0d0a000d0a515549540a211100167f0000017f0000018b6e42cf030004d786a926050000"),
    "CRC32c is wrong",
  ],
  [
    "an address changed under a checksum",
    hex("0d0a0d0a000d0a515549540a211100167f0000017f0000028b6e42cf030004d786a927050000"),
    "CRC32c is wrong",
  ],
];

for (const [name, bytes, message] of malformed) {
  Deno.test(`a malformed PROXY header is refused at the first byte that is wrong: ${name}`, () => {
    for (let end = 0; end < bytes.length - 1; end++) {
      // A header must not be refused while a valid one can still begin so, and must never be taken for one.
      assertEquals(readProxyHeader(bytes, 0, end), undefined, `after ${end} bytes`);
    }
    assertThrows(() => read(bytes), ProxyError, message);
    for (const more of ["", "\r\n", " ", "\0".repeat(5000)]) {
      const error = assertThrows(() => read(concat([bytes, line(more)])), ProxyError) as ProxyError;
      assertEquals([error.type, error.status], ["bad_request", 400]);
    }
  });
}

/** What comes of a header, read as often as bytes come in: what it says, "more", or "refused" and after which byte. */
function outcome(bytes: Uint8Array, ends: readonly number[]): { result: string; at: number } {
  for (const end of ends) {
    try {
      const header = readProxyHeader(bytes, 0, end);
      if (header !== undefined) return { result: `${said(header)}, ends at ${header.end}`, at: end };
    } catch (error) {
      assertInstanceOf(error, ProxyError);
      return { result: "refused", at: end };
    }
  }
  return { result: "more", at: bytes.length };
}

Deno.test("a changed header is read or refused, the same however it is split, and never breaks anything", () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 2500; seed++) {
    const random = new Random(seed);
    const [name, original] = random.pick(good.filter(([, bytes]) => bytes.length < 300));
    let bytes = [...original];
    for (let n = 1 + random.below(3); n > 0; n--) {
      const at = random.below(bytes.length + 1);
      const byte = random.once(2) ? random.below(256) : random.pick([...line("\r\n 0129.:fTU\0")]);
      const kept = random.pick([at, at + 1, at + 1, at + 1 + random.below(5)]);
      bytes = [...bytes.slice(0, at), ...random.once(4) ? [] : [byte], ...bytes.slice(kept)];
    }
    if (random.once(2)) bytes.push(...line("\r\nGET / HTTP/1.1\r\n\r\n"));
    const changed = Uint8Array.from(bytes);
    const everyByte = Array.from(changed, (_, i) => i + 1);
    const { result, at } = outcome(changed, everyByte);
    const what = `seed ${seed}, ${name}`;
    assertEquals(outcome(changed, [changed.length]).result, result, `${what}, at once`);
    for (const cut of [at - 1, at, random.below(changed.length + 1)]) {
      assertEquals(outcome(changed, [cut, changed.length]).result, result, `${what}, split at ${cut}`);
    }
    seen.add(result === "refused" || result === "more" ? result : "read");
  }
  assertEquals([...seen].sort(), ["more", "read", "refused"]);
});

Deno.test("random bytes behind a valid beginning are read or refused", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = new Random(seed);
    const start = random.pick([
      hex(`${SIGN}21`),
      hex(`${SIGN}2111`),
      hex(`${SIGN}212100`),
      line("PROXY TCP6 "),
    ]);
    const bytes = concat([start, Uint8Array.from({ length: random.below(400) }, () => random.below(256))]);
    outcome(bytes, Array.from(bytes, (_, i) => i + 1));
  }
});

const A4 = { hostname: "192.0.2.7", port: 51234 };
const B4 = { hostname: "198.51.100.9", port: 443 };
const A6 = { hostname: "2001:db8::7", port: 0 };
const B6 = { hostname: "2001:db8:0:1::9", port: 65535 };

const pairs: [name: string, source: Endpoint | undefined, destination: Endpoint | undefined][] = [
  ["IPv4", A4, B4],
  ["IPv6", A6, B6],
  ["IPv4 to IPv6", A4, B6],
  ["IPv6 to IPv4", A6, B4],
  ["nothing", undefined, undefined],
];

for (const version of [1, 2] as const) {
  for (const [name, source, destination] of pairs) {
    Deno.test(`a written PROXY header is read back: version ${version}, ${name}`, () => {
      const bytes = writeProxyHeader(version, source, destination);
      assertEquals(read(bytes), { end: bytes.length, source, destination });
    });
  }

  Deno.test(`with one end unknown a PROXY header says neither: version ${version}`, () => {
    const nothing = writeProxyHeader(version, undefined, undefined);
    assertEquals(writeProxyHeader(version, A4, undefined), nothing);
    assertEquals(writeProxyHeader(version, undefined, B4), nothing);
  });

  Deno.test(`any two addresses and ports are read back: version ${version}`, () => {
    const random = new Random(version);
    const endpoint = () => {
      const groups = Array.from({ length: 8 }, () => random.once(2) ? "0" : random.below(65536).toString(16));
      const octets = Array.from({ length: 4 }, () => random.below(256));
      const v6 = new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
      const isMapped = v6.startsWith("::ffff:");
      return { hostname: random.once(2) || isMapped ? octets.join(".") : v6, port: random.below(65536) };
    };
    for (let n = 0; n < 1000; n++) {
      const source = endpoint();
      const destination = endpoint();
      const bytes = writeProxyHeader(version, source, destination);
      assertEquals(read(bytes), { end: bytes.length, source, destination });
    }
  });

  Deno.test(`what is no address or port is not written: version ${version}`, () => {
    for (const hostname of ["", "localhost", "1.2.3", "01.2.3.4", "[::1]", "1.2.3.4\r\n", "::1 ::1"]) {
      assertThrows(() => writeProxyHeader(version, { hostname, port: 1 }, B4), TypeError, "no IP address");
    }
    for (const port of [-1, 65536, 1.5, NaN]) {
      assertThrows(() => writeProxyHeader(version, A4, { ...B4, port }), TypeError, `port ${port}`);
    }
  });
}

Deno.test("version 1 is written as the specification says", () => {
  const write = (source?: Endpoint, destination?: Endpoint) =>
    new TextDecoder().decode(writeProxyHeader(1, source, destination));
  assertEquals(write(A4, B4), "PROXY TCP4 192.0.2.7 198.51.100.9 51234 443\r\n");
  assertEquals(write(A6, B6), "PROXY TCP6 2001:db8::7 2001:db8:0:1::9 0 65535\r\n");
  assertEquals(write(A4, B6), "PROXY TCP6 ::ffff:c000:207 2001:db8:0:1::9 51234 65535\r\n");
  assertEquals(write(), "PROXY UNKNOWN\r\n");
});

Deno.test("version 2 is written as the specification says, byte by byte", () => {
  assertEquals(writeProxyHeader(2, undefined, undefined), hex(`${SIGN} 20 00 0000`));
  assertEquals(
    writeProxyHeader(2, { hostname: "192.0.2.1", port: 258 }, { hostname: "198.51.100.2", port: 443 }),
    hex([
      "0d0a 0d0a 00 0d0a 51554954 0a", // the signature
      "21", // version 2, PROXY
      "11", // TCP over IPv4
      "000c", // 12 bytes follow
      "c0000201", // 192.0.2.1
      "c6336402", // 198.51.100.2
      "0102", // 258
      "01bb", // 443
    ].join(" ")),
  );
  assertEquals(
    writeProxyHeader(2, { hostname: "2001:db8::1", port: 258 }, { hostname: "198.51.100.2", port: 443 }),
    hex([
      SIGN,
      "21", // version 2, PROXY
      "21", // TCP over IPv6
      "0024", // 36 bytes follow
      "20010db8 00000000 00000000 00000001", // 2001:db8::1
      "00000000 00000000 0000ffff c6336402", // ::ffff:198.51.100.2
      "0102", // 258
      "01bb", // 443
    ].join(" ")),
  );
});

Deno.test("a mapped address is written as IPv4, and a zone is left out", () => {
  const mapped = (hostname: string) => ({ hostname: `::ffff:${hostname}`, port: 1 });
  assertEquals(
    new TextDecoder().decode(writeProxyHeader(1, mapped("1.2.3.4"), mapped("102:305"))),
    "PROXY TCP4 1.2.3.4 1.2.3.5 1 1\r\n",
  );
  const zoned = writeProxyHeader(1, { hostname: "fe80::1%eth0", port: 1 }, { hostname: "::1", port: 2 });
  assertEquals(new TextDecoder().decode(zoned), "PROXY TCP6 fe80::1 ::1 1 2\r\n");
});

Deno.test("every header that is written fits the lengths of the specification", () => {
  const longest = { hostname: `${"ffff:".repeat(7)}ffff`, port: 65535 };
  assertEquals(writeProxyHeader(1, longest, longest).length, 104);
  assertEquals(writeProxyHeader(2, longest, longest).length, 52);
  assert(writeProxyHeader(1, { ...A4, hostname: "255.255.255.255" }, longest).length <= 107);
});
