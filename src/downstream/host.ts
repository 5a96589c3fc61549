/**
 * The Host field of a request.
 *
 * @module
 */
import { type HeaderList, isName } from "../http/headers.ts";

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

/** Whether two of them name the same: letters of any case, the scheme's own port as good as none. */
export function isSameHost(a: string, b: string, scheme: string): boolean {
  return a === b || plain(a, scheme) === plain(b, scheme);
}

function plain(host: string, scheme: string): string {
  const own = scheme === "https" ? ":443" : ":80";
  return host.toLowerCase().replace(new RegExp(`${own}$`), "");
}

/** Leaves exactly one Host, whatever hooks did: the last if there are several, `otherwise` if there is none. */
export function keepOneHost(headers: HeaderList, otherwise: string): void {
  const { lines } = headers;
  let count = 0;
  let host = otherwise;
  for (let i = 0; i < lines.length; i += 2) {
    if (!isName(lines[i]!, "host")) continue;
    count++;
    host = lines[i + 1]!;
  }
  if (count === 0) lines.unshift("host", host);
  else if (count > 1) headers.set("host", host);
}
