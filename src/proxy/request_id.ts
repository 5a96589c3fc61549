/**
 * Request ids.
 *
 * @module
 */

const WELL_FORMED = /^[0-9A-Za-z._:+/=-]{1,128}$/;

const prefix = crypto.randomUUID().slice(0, 8);
let count = 0;

/** The id that came with the request if it is 1 to 128 letters, digits or `._:+/=-`, otherwise a new one. */
export function requestId(given: string | null): string {
  if (given !== null && WELL_FORMED.test(given)) return given;
  return `${prefix}-${(++count).toString(36)}`;
}
