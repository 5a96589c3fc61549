/**
 * Random responses: valid ones together with what they mean, and mutated ones.
 *
 * @module
 */
import type { Random } from "./random.ts";

/** A valid response and what a reader has to make of it. */
export interface Made {
  /** The method of the request that it answers. */
  method: string;
  /** The bytes, as latin-1. */
  text: string;
  /** Its status. */
  status: number;
  /** Names and values in turns, hop-by-hop fields taken out. */
  lines: string[];
  /** Its body, null when there is none. */
  body: string | null;
  /** Whether only the connection's end tells the body's. */
  untilClose: boolean;
  /** Whether the connection can be used again. */
  reusable: boolean;
}

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const VISIBLE = `${TOKEN}()<>@,;:\\"/[]?={}\x80\x85\xa0\xe9\xff`;
const ANY = `\0\r\n\t :;0${VISIBLE}\x7f`;
const SPACE = ["", " ", " ", "\t", "  \t "];
const STATUSES = [200, 200, 200, 206, 299, 301, 404, 418, 500, 503, 599, 204, 304];

/** Makes a valid response. */
export function makeResponse(random: Random): Made {
  const method = random.pick(["GET", "GET", "GET", "POST", "HEAD"]);
  const status = random.pick(STATUSES);
  const minor = random.once(6) ? 0 : 1;
  const framing = random.pick(
    minor === 0 ? ["length", "close"] : ["length", "length", "chunked", "chunked", "close"],
  );
  const bodiless = method === "HEAD" || status === 204 || status === 304;
  const body = random.text(ANY, 1 + random.length()).slice(random.once(6) ? 1e9 : 0);

  const lines: string[] = [];
  const fields: string[] = [];
  for (let n = random.below(8); n > 0; n--) addField(random, lines, fields);
  let keepAlive = minor === 1;
  const place = () => random.below(fields.length + 1);
  if (random.once(3)) {
    keepAlive = random.once(2);
    const value = random.pick(
      keepAlive ? ["keep-alive", "Keep-Alive", "keep-alive, x-gone"] : ["close", "CLOSE", "x-gone,Close"],
    );
    fields.splice(place(), 0, `${random.pick(["Connection", "connection"])}: ${value}`);
    if (value.includes("x-gone")) fields.splice(place(), 0, "X-Gone: 1");
    else if (random.once(3)) fields.splice(place(), 0, "Keep-Alive: timeout=9");
  }
  let payload = bodiless ? "" : body;
  if (framing === "length") {
    const length = String(bodiless ? random.length() : body.length);
    lines.push("Content-Length", length);
    fields.push(`Content-Length:${random.pick(SPACE)}${length}${random.pick(SPACE)}`);
  } else if (framing === "chunked") {
    fields.splice(place(), 0, `Transfer-Encoding: ${random.pick(["chunked", "Chunked", "CHUNKED"])}`);
    if (!bodiless) payload = chunks(random, body);
  }
  const reason = random.pick([" OK", " ", "", " \xe9 :\t", " Not OK"]);
  const head = [`HTTP/1.${minor} ${status}${reason}`, ...fields, "", ""].join("\r\n");
  return {
    method,
    text: `${interim(random)}${head}${payload}`,
    status,
    lines,
    body: bodiless || (framing === "length" && body === "") ? null : body,
    untilClose: framing === "close" && !bodiless,
    reusable: keepAlive && (framing !== "close" || bodiless),
  };
}

/** Adds a field line, and what it means. */
export function addField(random: Random, lines: string[], fields: string[]): void {
  const name = random.once(3)
    ? random.pick(["Set-Cookie", "set-cookie", "Date", "Content-Type"])
    : `x${random.text(TOKEN, 20)}`;
  const value = random.once(8)
    ? ""
    : random.text(`${VISIBLE} \t`, random.once(20) ? 3000 : 30).replace(/^[ \t]+|[ \t]+$/g, "");
  // At the end, as the place of a field among others that are taken out says nothing.
  lines.push(name, value);
  fields.push(`${name}:${random.pick(SPACE)}${value}${random.pick(SPACE)}`);
}

function interim(random: Random): string {
  let text = "";
  for (let n = random.once(4) ? 1 + random.below(3) : 0; n > 0; n--) {
    text += random.pick([
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n",
    ]);
  }
  return text;
}

/** A body in the chunked coding, spelled in one of many ways. */
export function chunks(random: Random, body: string): string {
  const parts: string[] = [];
  for (let at = 0; at < body.length;) {
    const piece = body.slice(at, at + 1 + random.below(random.once(5) ? body.length : 50));
    at += piece.length;
    const size = piece.length.toString(16);
    const extension = random.once(5) ? random.pick([";a", ";a=b;c", ' ; a="\xe9"', "\t"]) : "";
    parts.push(
      `${random.once(5) ? "00" : ""}${
        random.once(2) ? size : size.toUpperCase()
      }${extension}\r\n${piece}\r\n`,
    );
  }
  const trailers = random.once(5) ? "X-Sum: 1\r\nx-empty:\r\n" : "";
  return `${parts.join("")}${random.pick(["0", "000", "0;end"])}\r\n${trailers}\r\n`;
}

/** What may come in between. */
export const INSERTED: readonly string[] = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "0",
  "1",
  "f",
  "-",
  "\x80",
  "\x7f",
  "\r\n\r\n",
  "\r\n ",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: x\r\n",
  "Content-Length: 3\r\n",
  "Connection: close\r\n",
  "HTTP/1.1 200 OK\r\n\r\n",
  "HTTP/1.1 101 X\r\n\r\n",
];

/** Changes a message in a few places, mostly in its beginning. */
export function mutate(random: Random, text: string, inserted: readonly string[] = INSERTED): string {
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(random.once(3) ? text.length : Math.min(text.length, 200));
    const [before, behind] = [text.slice(0, at), text.slice(at)];
    switch (random.below(8)) {
      case 0:
        text = before + String.fromCharCode((behind.charCodeAt(0) || 0) ^ (1 << random.below(8))) +
          behind.slice(1);
        break;
      case 1:
        text = before + random.pick([...ANY]) + behind.slice(1);
        break;
      case 2:
        text = before + behind.slice(1 + random.below(4));
        break;
      case 3:
      case 4:
        text = before + random.pick(inserted) + behind;
        break;
      case 5:
        text = before;
        break;
      default:
        text = mutateLines(random, text);
    }
  }
  return text;
}

/** Doubles, removes or moves a line. */
function mutateLines(random: Random, text: string): string {
  const lines = text.split("\r\n");
  const at = random.below(Math.min(lines.length, 12));
  const [line] = random.once(2) ? lines.splice(at, 1) : [lines[at]!];
  if (!random.once(3)) lines.splice(random.below(Math.min(lines.length, 12) + 1), 0, line!);
  return lines.join("\r\n");
}
