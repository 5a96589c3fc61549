/**
 * Clients that mean no good, and what a normal one gets meanwhile. `bench/abuse.ts` measures the same with more of them.
 */
import { assert, assertEquals } from "@std/assert";
import { sleep } from "../../src/http/sleep.ts";
import type { Attack } from "../support/crowd.ts";
import { type FrontName, FRONTS } from "../support/fronts.ts";
import { HTTP1_ATTACKS, LARGE_TARGET } from "../support/http1_attacks.ts";
import { HTTP2_ATTACKS } from "../support/http2_attacks.ts";
import { httpOrigin, type Origin } from "../support/origin.ts";
import { e2e, outcome, type Process, ready, start, tempFolder } from "../support/process.ts";
import { send, statusOf } from "../support/send.ts";
import { within } from "../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/** Answers that the normal client has to get during an attack, one after the other. */
const ANSWERS = 20;
/** What an attack may take of memory beyond what there was before, in bytes: a leak or a buffer without a bound takes more. */
const BOUND = 300_000_000;
/** Clients of an attack. Those who are idle or in a head are more than the own server has room for here. */
const [FEW, MANY, ROOM] = [50, 300, 200];
const MORE_THAN_ROOM: readonly string[] = ["slow-heads", "idle"];
/** These take all of the processor from whoever is behind `Deno.serve`: it lives, and answers when they are over. */
const DEFENCELESS: Record<FrontName, readonly string[]> = {
  serve: ["tiny-chunks", "h2-bomb", "h2-pings", "h2-settings"],
  tcp: [],
};

function origin(): Origin {
  const large = new Uint8Array(10 << 20);
  return httpOrigin((request) => new Response(request.url.endsWith(LARGE_TARGET) ? large : "hello"));
}

/** The memory of a process, in bytes. */
async function memoryOf({ pid }: Process): Promise<number> {
  const { out } = await outcome(["ps", "-o", "rss=", "-p", `${pid}`]);
  return 1024 * Number(out[0]);
}

/** A client that gets the right answer every time. */
async function askedWell(address: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const answer = await within(send(address, GET), "an answer");
    assertEquals([statusOf(answer), answer.endsWith("\r\n\r\nhello")], [200, true], answer);
  }
}

/** Attacks while `meanwhile` takes place. */
async function during(attack: Attack, address: string, meanwhile: () => Promise<void>): Promise<void> {
  const [hostname, port] = address.split(":") as [string, string];
  const most = MORE_THAN_ROOM.includes(attack.name) ? MANY : FEW;
  const over = new AbortController();
  const attacking = attack.run(
    { hostname, port: Number(port) },
    Math.min(attack.clients, most),
    over.signal,
  );
  try {
    // Nobody tells how far it is; by then, some of it is under way.
    await sleep(100);
    await meanwhile();
  } finally {
    over.abort();
    await attacking;
  }
}

for (const front of FRONTS) {
  e2e(
    `a normal client gets every answer while others attack, and memory stays bounded (${front})`,
    async (t) => {
      await using upstream = origin();
      using folder = tempFolder();
      const listener = front === "tcp" ? { front, maxConnections: ROOM } : { front };
      const module = folder.write(
        "attacked.ts",
        `export const net = ["${upstream.address}"];\nexport const listener = ${
          JSON.stringify(listener)
        };\n` +
          `export const upstreamPeer = () => ({ address: "${upstream.address}" });\n`,
      );
      const flags = [`--allow-net=127.0.0.1:0,${upstream.address}`, `--allow-read=${folder.path}`];
      const args = ["run", module, "--listen", "127.0.0.1:0", "--access-log", "off"];
      await using proxy = start(flags, args);
      const { host } = new URL(await ready(proxy));
      await askedWell(host, ANSWERS);
      const before = await memoryOf(proxy);
      for (const attack of [...HTTP1_ATTACKS, ...HTTP2_ATTACKS]) {
        const isDefended = !DEFENCELESS[front].includes(attack.name);
        await t.step(`${attack.name}: ${attack.about}`, async () => {
          await during(attack, host, () => isDefended ? askedWell(host, ANSWERS) : sleep(300));
          const more = await memoryOf(proxy) - before;
          assert(more < BOUND, `it took ${more} bytes more than before all attacks`);
        });
      }
      await askedWell(host, ANSWERS);
      proxy.kill("SIGTERM");
      assertEquals(await proxy.exit(), 0);
    },
  );
}
