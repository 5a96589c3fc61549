/**
 * Backends to choose from, without anything behind them.
 *
 * @module
 */
import { Backend } from "../../src/balance/backend.ts";
import type { Policy } from "../../src/balance/policy.ts";
import { Random } from "./random.ts";

/** Backends of these weights, or so many of weight 1, at addresses of their own. */
export function members(weights: number | readonly number[]): Backend[] {
  const all = typeof weights === "number" ? Array<number>(weights).fill(1) : weights;
  return all.map((weight, i) =>
    new Backend({ peer: { address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80` }, weight })
  );
}

/** A policy that has been told of its backends. */
export function told(make: () => Policy, backends: readonly Backend[]): Policy {
  const policy = make();
  policy.update(backends);
  return policy;
}

/** What `Math.random` is, the same in every run. */
export function chance(seed: number): () => number {
  const random = new Random(seed);
  return () => random.below(2 ** 32) / 2 ** 32;
}

/** Accepts all backends. */
export const any = () => true;

/** A request that hashes to nothing. */
export const NO_KEY = { key: undefined };

/** How often each backend is picked, by its place; `keyOf` makes the key of the nth pick. */
export function shares(
  policy: Policy,
  backends: readonly Backend[],
  picks: number,
  usable: (backend: Backend) => boolean = any,
  keyOf: (n: number) => string | undefined = () => undefined,
): number[] {
  const places = new Map(backends.map((backend, i) => [backend, i]));
  const counts = backends.map(() => 0);
  for (let n = 0; n < picks; n++) counts[places.get(policy.pick(usable, { key: keyOf(n) })!)!]!++;
  return counts.map((count) => count / picks);
}
