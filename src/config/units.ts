/**
 * Quantities as users write them: durations, sizes and rates.
 *
 * @module
 */

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
};

/** The form of a duration. */
export const DURATION = /^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/;
/** The form of a size. */
export const SIZE = /^\d+(?:\.\d+)?(?:B|KB|MB|GB)$/;
/** The form of a rate. */
export const RATE = /^\d+(?:\.\d+)?\/(?:s|m|h|d)$/;

/** Milliseconds of `250ms`, `10s`, `1.5m`, `1h` or `7d`; a number is milliseconds already. */
export function milliseconds(value: string | number): number {
  return quantity(value, MILLISECONDS);
}

/** Bytes of `64KB`, `10MB` or `1GB`, in steps of 1,024; a number is bytes already. */
export function bytes(value: string | number): number {
  return Math.round(quantity(value, BYTES));
}

/** A second's worth of `100/s`, `10/m`, `5/h` or `1/d`; a number is for a second already. */
export function perSecond(value: string | number): number {
  if (typeof value === "number") return value;
  const [count, unit] = value.split("/") as [string, string];
  return Number(count) * 1_000 / MILLISECONDS[unit]!;
}

function quantity(value: string | number, units: Readonly<Record<string, number>>): number {
  if (typeof value === "number") return value;
  const [, number, unit] = /^([\d.]+)(\w+)$/.exec(value)!;
  return Number(number) * units[unit!]!;
}
