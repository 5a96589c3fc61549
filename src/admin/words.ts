/**
 * Numbers and times in words.
 *
 * @module
 */

/** A length of time in its two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const units = [[86_400, "d"], [3_600, "h"], [60, "m"], [1, "s"]] as const;
  const first = units.findIndex(([length]) => seconds >= length);
  if (first < 0) return "0s";
  let left = seconds;
  return units.slice(first, first + 2).map(([length, name]) => {
    const n = Math.floor(left / length);
    left -= n * length;
    return n > 0 ? `${n}${name}` : "";
  }).join("");
}

/** Milliseconds to three digits; `–` for none. */
export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  return ms >= 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${rounded(ms)} ms`;
}

/** A number to three digits, thousands apart. */
export function rounded(value: number): string {
  const digits = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits).replaceAll(/\B(?=(\d{3})+$)/g, "\u2009");
}

/** A share as a percentage. */
export function percent(share: number): string {
  return share === 0 ? "0 %" : share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(1)} %`;
}

/** A moment, in milliseconds since 1970, as UTC to the second. */
export function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z`;
}
