/**
 * Filling the table of Maglev hashing.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import { mixedHash } from "./hash.ts";

const NOBODY = 0xffff_ffff;

/**
 * A table of `size` slots, a prime number larger than the number of backends, each slot with the place of a backend.
 * Every backend has its own order of all slots and, turn by turn, takes the first of it that is free; heavy ones have
 * more turns in a round, until each has its quota.
 */
export function fillTable(backends: readonly Backend[], size: number): Uint32Array<ArrayBuffer> {
  const n = backends.length;
  const table = new Uint32Array(size).fill(NOBODY);
  if (n === 0) return table;
  const quotas = quotasOf(backends, size);
  const next = Uint32Array.from(backends, ({ key }) => mixedHash(key, 1) % size);
  const steps = Uint32Array.from(backends, ({ key }) => 1 + mixedHash(key, 2) % (size - 1));
  const taken = new Uint32Array(n);
  // As many rounds as the heaviest has slots, unless most would then have nothing to take in most of them.
  const rounds = Math.min(quotas.reduce((most, quota) => Math.max(most, quota), 0), Math.ceil(4 * size / n));
  for (let round = 1; round <= rounds; round++) {
    for (let place = 0; place < n; place++) {
      const due = Math.floor(quotas[place]! * round / rounds);
      if (taken[place]! >= due) continue;
      const step = steps[place]!;
      let slot = next[place]!;
      for (; taken[place]! < due; taken[place]!++) {
        while (table[slot] !== NOBODY) slot = slot + step < size ? slot + step : slot + step - size;
        table[slot] = place;
      }
      next[place] = slot;
    }
  }
  return table;
}

/** How many slots each backend gets, one at least; together `size`. */
function quotasOf(backends: readonly Backend[], size: number): Uint32Array {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  const quotas = Uint32Array.from(backends, ({ weight }) => Math.max(1, Math.floor(size * weight / total)));
  let rest = size - quotas.reduce((sum, quota) => sum + quota, 0);
  for (let i = 0; rest > 0; i = (i + 1) % quotas.length, rest--) quotas[i]!++;
  if (rest < 0) quotas[quotas.indexOf(quotas.reduce((most, quota) => Math.max(most, quota), 0))]! += rest;
  return quotas;
}
