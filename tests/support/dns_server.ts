/**
 * A name server of a test.
 *
 * @module
 */
import { createSocket } from "node:dgram";

/** Records as a test writes them: an address, or what an SRV record has. */
export type DnsRecord = string | { priority: number; weight: number; port: number; target: string };

/** What a name has; `"silent"` gives no answer, `"broken"` a SERVFAIL. */
export interface DnsZone {
  [question: `${"A" | "AAAA" | "SRV"} ${string}`]: readonly DnsRecord[] | "silent" | "broken";
}

/** A name server; disposing it closes it. */
export interface DnsServer extends AsyncDisposable {
  /** Where it listens. */
  readonly nameServer: { ipAddr: string; port: number };
  /** What it answers; may be changed. */
  zone: DnsZone;
  /** How long its answers are good for, in seconds; may be changed. */
  ttl: number;
  /** The questions so far. */
  readonly asked: string[];
}

const TYPES = { 1: "A", 28: "AAAA", 33: "SRV" } as const;

/** Starts a name server on the loopback. */
export async function dnsServer(zone: DnsZone): Promise<DnsServer> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  const server: DnsServer = {
    nameServer: { ipAddr: "127.0.0.1", port: 0 },
    zone,
    ttl: 60,
    asked,
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  socket.on("message", (message, { address, port }) => {
    const answer = answerTo(new Uint8Array(message), server);
    if (answer !== null) socket.send(answer, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  server.nameServer.port = socket.address().port;
  return server;
}

function answerTo(message: Uint8Array, { zone, ttl, asked }: DnsServer): Uint8Array | null {
  const labels: string[] = [];
  let at = 12;
  for (let length; (length = message[at]!) > 0; at += length + 1) {
    labels.push(new TextDecoder().decode(message.subarray(at + 1, at + 1 + length)));
  }
  const type = message[at + 2]! as keyof typeof TYPES;
  const question = `${TYPES[type]} ${labels.join(".").toLowerCase()}` as const;
  asked.push(question);
  const found = zone[question] ?? [];
  if (found === "silent") return null;
  const records = found === "broken" ? [] : found;
  const code = found === "broken" ? 2 : records.length === 0 ? 3 : 0;
  const head = [message[0]!, message[1]!, 0x85, 0x80 | code, 0, 1, 0, records.length, 0, 0, 0, 0];
  const lines = records.flatMap((record) => {
    const data = dataOf(record);
    return [0xc0, 12, 0, type, 0, 1, ...two(ttl >>> 16), ...two(ttl), ...two(data.length), ...data];
  });
  return new Uint8Array([...head, ...message.subarray(12, at + 5), ...lines]);
}

function two(n: number): number[] {
  return [n >>> 8 & 255, n & 255];
}

function dataOf(record: DnsRecord): number[] {
  if (typeof record !== "string") {
    const { priority, weight, port, target } = record;
    const name = target.split(".").filter((label) => label !== "")
      .flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
    return [...two(priority), ...two(weight), ...two(port), ...name, 0];
  }
  if (!record.includes(":")) return record.split(".").map(Number);
  const [before, after = ""] = record.split("::") as [string, string?];
  const groups = (text: string) => text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const [a, b] = [groups(before), groups(after)];
  return [...a, ...new Array<number>(8 - a.length - b.length).fill(0), ...b].flatMap(two);
}
