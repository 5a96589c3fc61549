/**
 * Which content coding a client wants.
 *
 * @module
 */

const WEIGHTED =
  /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*(?:;\s*[qQ]\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/;

/**
 * The coding for a client, by the `Accept-Encoding` it sent, RFC 9110 section 12.5.3: the one of the highest weight, of
 * equal ones the first of `offered`; null for none at all, as one that is not encoded is liked better or none is accepted.
 * A field that is malformed counts as none.
 */
export function preferredCoding<T extends string>(field: string | null, offered: readonly T[]): T | null {
  if (field === null) return null;
  const weights = new Map<string, number>();
  for (const element of field.split(",")) {
    if (element.trim() === "") continue;
    const match = WEIGHTED.exec(element);
    if (match === null) return null;
    const name = match[1]!.toLowerCase();
    weights.set(name === "x-gzip" ? "gzip" : name, Number(match[2] ?? 1));
  }
  const weightOf = (name: string) => weights.get(name) ?? weights.get("*") ?? 0;
  let best: T | null = null;
  // Without a weight of its own, no coding is always acceptable, and never liked better.
  let most = weights.get("identity") ?? 0;
  for (const name of offered) {
    const weight = weightOf(name);
    if (weight === 0 || weight < most || (best !== null && weight === most)) continue;
    best = name;
    most = weight;
  }
  return best;
}
