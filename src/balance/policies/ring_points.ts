/**
 * The points of a consistent hash ring, as nginx makes them.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import { CRC_TABLE, crcUpdate } from "./hash.ts";

/** More points than this do not make the ring better; then all weights get fewer. */
const MOST_POINTS = 2 ** 22;
/** Bits by which points are sorted at a time: as many buckets as stay in the processor's nearest cache. */
const RADIX = 11;
const MASK = 2 ** RADIX - 1;

/** Points in order, each with the place of the backend that owns it; of equal points, the first in the group comes first. */
export class RingPoints {
  readonly #hashes: Uint32Array;
  /** For all hashes with the same leading bits, where the first point is that is not before them. */
  readonly #starts: Uint32Array;
  readonly #shift: number;
  /** The place of the owner of every point. */
  readonly owners: Uint32Array;

  /** A ring with so many points for a weight of 1; each backend has one at least. */
  constructor(backends: readonly Backend[], pointsPerWeight: number) {
    const { hashes, owners } = sorted(pointsOf(backends, pointsPerWeight));
    this.#hashes = hashes;
    this.owners = owners;
    const bits = Math.max(1, Math.ceil(Math.log2(hashes.length + 1)));
    this.#shift = 32 - bits;
    this.#starts = new Uint32Array(2 ** bits);
    let at = 0;
    for (let lead = 0; lead < this.#starts.length; lead++) {
      while (at < hashes.length && hashes[at]! >>> this.#shift < lead) at++;
      this.#starts[lead] = at;
    }
  }

  /** The number of the first point that is not before `hash`, going round. */
  find(hash: number): number {
    const hashes = this.#hashes;
    let at = this.#starts[hash >>> this.#shift]!;
    while (at < hashes.length && hashes[at]! < hash) at++;
    return at < hashes.length ? at : 0;
  }
}

interface Points {
  hashes: Uint32Array;
  owners: Uint32Array;
}

/** Sorts by the lowest bits, then by those above, which keeps the order of equals. */
function sorted(points: Points): Points {
  const count = points.hashes.length;
  let other: Points = { hashes: new Uint32Array(count), owners: new Uint32Array(count) };
  for (let shift = 0; shift < 32; shift += RADIX) {
    const { hashes, owners } = points;
    const ends = new Uint32Array(2 ** RADIX + 1);
    for (let i = 0; i < count; i++) ends[((hashes[i]! >>> shift) & MASK) + 1]!++;
    for (let i = 1; i < ends.length; i++) ends[i]! += ends[i - 1]!;
    for (let i = 0; i < count; i++) {
      const at = ends[(hashes[i]! >>> shift) & MASK]!++;
      other.hashes[at] = hashes[i]!;
      other.owners[at] = owners[i]!;
    }
    [points, other] = [other, points];
  }
  return points;
}

/** All points, in the order of the group. A point is the CRC-32 of host, NUL, port and the four bytes of the one before. */
function pointsOf(backends: readonly Backend[], pointsPerWeight: number): Points {
  const wanted = backends.reduce((sum, { weight }) => sum + weight, 0) * pointsPerWeight;
  const factor = wanted > MOST_POINTS ? pointsPerWeight * MOST_POINTS / wanted : pointsPerWeight;
  const counts = backends.map(({ weight }) => Math.max(1, Math.round(weight * factor)));
  const count = counts.reduce((sum, n) => sum + n, 0);
  const hashes = new Uint32Array(count);
  const owners = new Uint32Array(count);
  const seen = new Set<string>();
  let end = 0;
  for (const [place, backend] of backends.entries()) {
    const base = crcUpdate(-1, nameOf(backend, seen));
    let point = 0;
    for (let i = 0; i < counts[place]!; i++) {
      let crc = base;
      for (let shift = 0; shift < 32; shift += 8) {
        crc = CRC_TABLE[(crc ^ (point >>> shift)) & 0xff]! ^ (crc >>> 8);
      }
      hashes[end] = point = ~crc >>> 0;
      owners[end++] = place;
    }
  }
  return { hashes, owners };
}

/** Host, NUL and port as written; for a Unix socket the path and NUL. Others at the same address need another name. */
function nameOf({ peer: { address }, key }: Backend, seen: Set<string>): string {
  const colon = address.lastIndexOf(":");
  const name = address.startsWith("unix:")
    ? `${address.slice("unix:".length)}\0`
    : `${address.slice(0, colon)}\0${address.slice(colon + 1)}`;
  if (seen.has(name)) return `${name}\0${key}`;
  seen.add(name);
  return name;
}
