/**
 * The Host field of a request.
 *
 * @module
 */

let lastGood = "";

const HOST = /^(?:[0-9A-Za-z._~-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * Whether a Host value is one name or address with an optional port from 1 to 65535.
 *
 * User info, paths, queries, spaces, lists and escapes are not: `Deno.serve` pastes the value into the request's URL,
 * where they would pass for parts of the target.
 */
export function isHost(value: string): boolean {
  if (value === lastGood && value !== "") return true;
  const match = HOST.exec(value);
  if (match === null) return false;
  const port = match[1];
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535)) return false;
  lastGood = value;
  return true;
}
