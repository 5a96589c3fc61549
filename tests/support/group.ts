/**
 * Groups of upstreams under test, and clients of a proxy in front of one.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { LoadBalancer, Peer } from "../../src/mod.ts";
import type { TestProxy } from "./proxy.ts";
import { send } from "./send.ts";
import { until } from "./until.ts";
import { parseMessage, requestText } from "./wire.ts";

/** A peer at a port of this machine where nobody need listen. */
export function peerAt(port: number): Peer {
  return { address: `127.0.0.1:${port}` };
}

/** The last digits of the ports that a group chooses, one for every call. */
export function choices(balancer: LoadBalancer, calls: number, tried: readonly Peer[] = []): string {
  return Array.from({ length: calls }, () => (balancer.select({ tried }) as Peer).address.at(-1)).join("");
}

/** How often each letter is in the text. */
export function tally(letters: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const letter of letters) counts[letter] = (counts[letter] ?? 0) + 1;
  return counts;
}

/** Asks the proxy for a path; `status body`. */
export async function ask(proxy: TestProxy, target = "/", lines = ""): Promise<string> {
  const { status, body } = parseMessage(await send(proxy.address, requestText("GET", target, lines)));
  return status === 200 ? `200 ${body}` : String(status);
}

/** Asks so many times, one after the other; the bodies, or statuses that are not 200. */
export async function askInTurn(proxy: TestProxy, times: number): Promise<string[]> {
  const answers: string[] = [];
  for (let i = 0; i < times; i++) answers.push((await ask(proxy)).replace("200 ", ""));
  return answers;
}

/** Every count of requests under way, and of places kept for some, has to come back to nothing. */
export async function settles(balancer: LoadBalancer): Promise<void> {
  const counts = () => [balancer.inFlight, ...balancer.backends.flatMap((b) => [b.inFlight, b.reserved])];
  await until("no request is under way", () => counts().every((count) => count === 0)).catch(() => {});
  assertEquals(counts(), counts().map(() => 0), "in flight: the group; each backend, and reserved there");
}
