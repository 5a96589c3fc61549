/** Random requests through a real proxy: its origin judges what it gets with a strict reader of its own. */
import { assert, assertEquals } from "@std/assert";
import { captureLog } from "../../support/captured_log.ts";
import { RawConnection } from "../../support/origin.ts";
import { testProxy } from "../../support/proxy.ts";
import { Random } from "../../support/random.ts";
import { makeRequest, mutateRequest } from "../../support/request_maker.ts";
import { readStrictly, type StrictRequest } from "../../support/strict_reader.ts";
import { until } from "../../support/until.ts";
import { within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const LAST = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const ANSWER = /^HTTP\/1\.1 (\d{3}) /gm;

/** A client whose every write is a packet of its own. */
async function hastyClient(address: string): Promise<RawConnection & Disposable> {
  const [hostname, port] = address.split(":") as [string, string];
  const socket = await Deno.connect({ hostname, port: Number(port) });
  socket.setNoDelay(true);
  const client = new RawConnection(socket, 0);
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

/** Writes the pieces of a text in turn, giving the proxy time to read each. */
async function writePieces(client: { write(text: string): Promise<void> }, text: string, cuts: number[]) {
  let at = 0;
  for (const end of [...cuts, text.length]) {
    if (end > at) await client.write(text.slice(at, end));
    at = end;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** What the proxy adds of its own is the same for all, but for the request's id. */
function withoutId(text: string): string {
  return text.replace(/^x-request-id: .*\r\n/gim, "");
}

Deno.test("tcp: valid requests reach the origin byte for byte the same, however they were split", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const made = Array.from({ length: 1 + random.below(4) }, () => makeRequest(random, { plain: true }));
    const text = made.map((request) => request.text).join("") + LAST;
    const received: string[] = [];
    for (const cuts of [[], random.cuts(text.length, 6), random.cuts(text.length, 20)]) {
      const from = origin.requests.length;
      using client = await hastyClient(proxy.address);
      await writePieces(client, text, cuts);
      await within(client.closed(), `the proxy to close, seed ${seed}`);
      assertEquals(client.received.match(ANSWER)?.length, made.length + 1, `seed ${seed}`);
      const requests = origin.requests.slice(from);
      assertEquals(requests.length, made.length + 1, `seed ${seed}`);
      // A chunk may be passed on in two.
      received.push(
        requests.map(({ line, fields, body }) =>
          withoutId(`${line}\r\n${fields.join("\r\n")}\r\n\r\n${body}`)
        ).join(""),
      );
    }
    assertEquals(received[1], received[0], `seed ${seed}`);
    assertEquals(received[2], received[0], `seed ${seed}`);
  }
  assertEquals(readStrictly(origin.received.join("")).rest, "nothing");
});

/** Sends a text, mostly with a last request behind it, until the proxy closes: all that it answered. */
async function outcome(address: string, seed: number, text: string): Promise<string> {
  const random = new Random(seed);
  using client = await hastyClient(address);
  const manner = random.pick(["last", "last", "half-close", "close"]);
  const all = manner === "last" ? text + LAST : text;
  await writePieces(client, all, random.cuts(all.length, 4)).catch(() => {});
  if (manner === "close") return "";
  if (manner === "half-close") await client.closeWrite().catch(() => {});
  // Where a mutation makes the last request part of a body, the proxy waits for the rest of it.
  const timer = setTimeout(() => client.closeWrite().catch(() => {}), 400);
  await within(
    client.closed(),
    `the proxy to close, seed ${seed}, ${manner}, ${JSON.stringify(text.slice(0, 900))}`,
  );
  clearTimeout(timer);
  return client.received;
}

/** Whether the fields say in one way only where the request ends, and nothing of the connection it came by. */
function isPlainlyFramed({ fields, minor, method }: StrictRequest): boolean {
  const names = fields.map(([name]) => name.toLowerCase());
  const framing = names.filter((name) => name === "content-length" || name === "transfer-encoding");
  return minor === 1 && framing.length <= 1 && names.filter((name) => name === "host").length === 1 &&
    method !== "CONNECT" &&
    fields.every(([name, value]) => name.toLowerCase() !== "connection" || value === "te") &&
    !names.some((name) => /^(keep-alive|proxy-connection|upgrade|expect|trailer)$/.test(name));
}

Deno.test("tcp: what reaches the origin of mutated requests is well-formed, framed in one way, and as many as were answered", async () => {
  using log = captureLog();
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", headTimeout: 300 });
  let seed = 30_000;
  const statuses = new Map<string, number>();
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (seed < 30_400) {
      const random = new Random(++seed);
      const texts = Array.from({ length: 1 + random.below(3) }, () => makeRequest(random).text);
      const at = random.below(texts.length);
      texts[at] = mutateRequest(random, texts[at]!);
      for (const [, status] of (await outcome(proxy.address, seed, texts.join(""))).matchAll(ANSWER)) {
        statuses.set(status!, (statuses.get(status!) ?? 0) + 1);
      }
    }
  }));
  await until("nothing is under way", () => proxy.counters.active === 0);
  assertEquals([...statuses.keys()].sort().filter((status) => !/^(200|400|405|408)$/.test(status)), []);
  for (const status of ["200", "400"]) {
    assert(statuses.get(status)! > 50, `${status}: ${statuses.get(status)}`);
  }

  let whole = 0;
  for (const received of origin.received) {
    const { requests, rest } = readStrictly(received);
    assert(rest !== "malformed", JSON.stringify(received));
    for (const request of requests) assert(isPlainlyFramed(request), JSON.stringify(request));
    whole += requests.length;
  }
  // A client that said that it sends no more may get its answer, or be taken for gone: then the log has a 499.
  const answered = statuses.get("200")!;
  const gone = proxy.entries.filter(({ status }) => status === 499).length;
  const served = proxy.entries.filter(({ status }) => status === 200).length;
  assertEquals(origin.requests.length, whole);
  const counts = `${answered} answered, ${served} served, ${gone} gone, ${whole} received`;
  assert(answered <= whole && served <= whole && whole <= served + gone, counts);
  assertEquals(log.lines.filter((line) => line.includes("connection of")), []);
});
