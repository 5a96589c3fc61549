/**
 * Turning a request of `Deno.serve` into one for the request path, and making up for what `Deno.serve` lets through.
 *
 * @module
 */
import { type BodySource, StreamSource } from "../http/body.ts";
import { ProxyError } from "../http/errors.ts";
import { HeaderList } from "../http/headers.ts";
import { isHopByHop, removeNamed } from "../http/hop_by_hop.ts";
import type { FrontRequest } from "./front.ts";
import { isClaim } from "./forwarded.ts";
import { isHost } from "./host.ts";
import { normalTarget } from "./target.ts";

/** Bodies up to this length are read in one go: cheaper, and an upstream is not held up by a slow small upload. */
const READ_AT_ONCE = 64 * 1024;
const SLASH = 47;

/** A request that came through `Deno.serve`. */
export class ServeRequest implements FrontRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly headers = new HeaderList();
  readonly hasClaims: boolean;
  readonly givenId: string | null;
  readonly bodyLength: number | null | undefined;
  readonly clientAddress: string;
  readonly scheme: string;
  readonly refused: ProxyError | undefined;
  readonly #request: Request;

  /** @param prefix What comes before the Host in the request's URL: `http://`, or `http+unix://` on a Unix socket. */
  constructor(request: Request, info: Deno.ServeHandlerInfo, prefix: string) {
    this.#request = request;
    this.method = request.method;
    this.scheme = "http";
    const address = info.remoteAddr;
    this.clientAddress = address.transport === "tcp" ? unmapped(address.hostname) : "unix";

    const { lines } = this.headers;
    lines.push("host", "");
    let host = "";
    let connection = "";
    let length: string | undefined;
    let coding: string | undefined;
    let givenId: string | null = null;
    let hasClaims = false;
    request.headers.forEach((value, name) => {
      if (name === "host") host = value;
      else if (name === "content-length") length = value;
      else if (name === "transfer-encoding") coding = value;
      else if (name === "connection") connection = value;
      else if (name !== "expect" && !isHopByHop(name) && !isDisguised(name)) {
        lines.push(name, value);
        if (name === "x-request-id") givenId = value;
        else if (isClaim(name)) hasClaims = true;
      }
    });
    if (connection !== "") removeNamed(this.headers, connection);
    this.host = lines[1] = host;
    this.givenId = givenId;
    this.hasClaims = hasClaims;

    let refused: ProxyError | undefined;
    let target = request.url;
    let bodyLength: number | null | undefined = null;
    try {
      if (this.method === "CONNECT") throw new ProxyError("method_not_allowed", "Refused method CONNECT");
      if (!isHost(host)) throw bad(`Host is ${JSON.stringify(host)}`);
      target = targetOf(request.url, host, prefix, this.method);
      bodyLength = bodyLengthOf(length, coding, this.method);
    } catch (error) {
      refused = error as ProxyError;
    }
    this.target = target;
    this.bodyLength = bodyLength;
    this.refused = refused;
  }

  body(): BodySource {
    const request = this.#request;
    if (typeof this.bodyLength === "number" && this.bodyLength <= READ_AT_ONCE) return new WholeBody(request);
    return new ClientBody(new StreamSource(request.body!));
  }

  onGone(callback: () => void): void {
    const { signal } = this.#request;
    if (signal.aborted) callback();
    else signal.addEventListener("abort", callback, { once: true });
  }
}

/** Reads a short body at once, which `Deno.serve` does without a stream. */
class WholeBody implements BodySource {
  #request: Request | null;

  constructor(request: Request) {
    this.#request = request;
  }

  async read(): Promise<Uint8Array | null> {
    const request = this.#request;
    if (request === null) return null;
    this.#request = null;
    const bytes = await received(request.bytes());
    return bytes.length > 0 ? bytes : null;
  }

  cancel(): void {
    this.#request = null;
  }
}

/** Reads a body as it comes. */
class ClientBody implements BodySource {
  readonly #source: BodySource;

  constructor(source: BodySource) {
    this.#source = source;
  }

  read(): Promise<Uint8Array | null> {
    return received(this.#source.read());
  }

  cancel(): void {
    this.#source.cancel();
  }
}

/** `Deno.serve` fails a read alike when the client went away and when its chunks are malformed. */
async function received<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof Error && error.message.includes("invalid HTTP/1 request")) {
      throw bad("its chunked body is malformed");
    }
    throw new ProxyError("client_gone", "The client went away in the middle of its request's body", {
      cause: error,
    });
  }
}

/** `Deno.serve` gives prefix, Host and target in one for the origin form, and the absolute form as it was sent. */
function targetOf(url: string, host: string, prefix: string, method: string): string {
  if (!url.startsWith(prefix) || !url.startsWith(host, prefix.length)) {
    return targetOfAbsolute(url, host, method);
  }
  const target = url.slice(prefix.length + host.length);
  if (target === "/*" && method === "OPTIONS") return "*";
  if (target.charCodeAt(0) === SLASH) return normalTarget(target);
  return targetOfAbsolute(url, host, method);
}

function targetOfAbsolute(url: string, host: string, method: string): string {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/s.exec(url);
  if (match === null) throw bad(`target is ${JSON.stringify(url)}`);
  const [, itsScheme, authority, rest] = match as unknown as [string, string, string, string];
  if (itsScheme.toLowerCase() !== "http") throw bad(`target has the scheme ${JSON.stringify(itsScheme)}`);
  if (authority.toLowerCase() !== host.toLowerCase()) {
    throw bad(`target is for ${JSON.stringify(authority)}, but Host is ${JSON.stringify(host)}`);
  }
  // RFC 9112 section 3.2.4.
  if (rest === "" && method === "OPTIONS") return "*";
  return normalTarget(rest.startsWith("/") ? rest : `/${rest}`);
}

/** Framing that two readers could see differently is refused, RFC 9112 section 6.3 and Pingora's CVE-2026-2835. */
function bodyLengthOf(
  length: string | undefined,
  coding: string | undefined,
  method: string,
): number | null | undefined {
  if (coding === undefined && length === undefined) {
    return method === "POST" || method === "PUT" || method === "PATCH" ? 0 : null;
  }
  let bytes: number | undefined;
  if (coding !== undefined) {
    if (length !== undefined || coding.toLowerCase() !== "chunked") {
      throw bad(`transfer-encoding is ${JSON.stringify(coding)}`);
    }
  } else {
    const values = new Set(length!.split(",").map((value) => value.trim()));
    const [value] = values;
    if (values.size !== 1 || !/^\d{1,15}$/.test(value!)) {
      throw bad(`content-length is ${JSON.stringify(length)}`);
    }
    bytes = Number(value);
  }
  if ((method === "GET" || method === "HEAD") && bytes !== 0) {
    throw bad(`${method} has a body, which Deno.serve does not hand on`);
  }
  return method === "GET" || method === "HEAD" ? null : bytes;
}

/**
 * Whether a name is one of those above with underscores: a CGI or WSGI origin would take it for the real one.
 * nginx drops every name with an underscore.
 */
function isDisguised(name: string): boolean {
  if (!name.includes("_")) return false;
  const real = name.replaceAll("_", "-");
  return isHopByHop(real) || isClaim(real) || real === "content-length" || real === "x-request-id";
}

function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

function bad(what: string): ProxyError {
  return new ProxyError("bad_request", `Refused request: ${what}`);
}
