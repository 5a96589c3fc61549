/**
 * Turning a request of `Deno.serve` into one for the request path, and making up for what `Deno.serve` lets through.
 *
 * @module
 */
import { endpointOf, type Endpoints, plainAddress } from "../http/endpoint.ts";
import { ProxyError } from "../http/errors.ts";
import { HeaderList } from "../http/headers.ts";
import { isHopByHop, removeNamed, tokens } from "../http/hop_by_hop.ts";
import { absoluteTarget } from "./absolute_target.ts";
import { ClaimingHeaders, isClaim } from "./claims.ts";
import { isDisguised } from "./disguised.ts";
import type { FrontRequest } from "./front.ts";
import { isHost } from "./host.ts";
import { refused as bad } from "./refused.ts";
import { ServeBody } from "./serve_body.ts";
import { normalTarget } from "./target.ts";

const SLASH = 47;
/** The longest body of known length that is gathered: one piece is cheaper for `Deno.serve` than a stream. */
const GATHERED = 256 * 1024;

/** What `Deno.serve` makes the URL of a request from, beside the request. */
export interface UrlParts {
  /** `http` or `https`. */
  scheme: string;
  /** What comes before the Host: `http://`, `https://`, or `http+unix://` on a Unix socket. */
  prefix: string;
  /** What stands for a Host that is missing. */
  missingHost: string;
  /** Where the listener is. */
  local: Deno.Addr | undefined;
}

/** What is known of who sent a request. */
export type ClientInfo = Pick<Deno.ServeHandlerInfo, "remoteAddr">;

/** A request that came through `Deno.serve`. */
export class ServeRequest implements FrontRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly headers: HeaderList;
  readonly claims: ClaimingHeaders | undefined;
  readonly givenId: string | null;
  bodyLength: number | null | undefined;
  readonly clientAddress: string;
  readonly scheme: string;
  readonly refused: ProxyError | undefined;
  readonly expectsContinue = false;
  readonly takesTrailers = false;
  readonly upgrade: string | null = null;
  readonly bridgesWebSockets = true;
  readonly maxStatus = 599;
  readonly gatherUpTo: number = GATHERED;
  /** Whether it may have a body that no field tells of, as in HTTP/2: {@linkcode ServeRequest.look} finds out. */
  readonly unframed: boolean;
  readonly #request: Request;
  readonly #info: ClientInfo;
  readonly #parts: UrlParts;
  #body: ServeBody | undefined = undefined;

  /** Takes the request apart. */
  constructor(request: Request, info: ClientInfo, parts: UrlParts) {
    this.#request = request;
    this.#info = info;
    this.#parts = parts;
    this.method = request.method;
    this.scheme = parts.scheme;
    const address = info.remoteAddr;
    this.clientAddress = address.transport === "tcp" ? plainAddress(address.hostname) : "unix";

    const headers = new HeaderList();
    const { lines } = headers;
    lines.push("host", "");
    let host: string | undefined;
    let connection = "";
    let length: string | undefined;
    let coding: string | undefined;
    let givenId: string | null = null;
    let upgrade = "";
    let hasClaims = false;
    request.headers.forEach((value, name) => {
      if (name === "host") host = value;
      else if (name === "content-length") length = value;
      else if (name === "transfer-encoding") coding = value;
      else if (name === "connection") connection = value;
      else if (name === "upgrade") upgrade = value;
      else if (name !== "expect" && name !== "trailer" && !isHopByHop(name) && !isDisguised(name)) {
        lines.push(name, value);
        if (name === "x-request-id") givenId = value;
        else if (isClaim(name)) hasClaims = true;
      }
    });
    if (connection !== "") removeNamed(headers, connection);
    if (upgrade !== "" && isWebSocket(request, upgrade, connection)) {
      this.upgrade = "websocket";
      // The runtime would not speak any.
      headers.delete("sec-websocket-extensions");
      // It tells nothing of what came before it was asked for, and the runtime must not accept for who is gone.
      void request.signal;
    }
    // HTTP/2 has no such fields.
    const isHttp1 = connection !== "" || coding !== undefined;
    // The signal of an HTTP/2 request tells nothing of what came before it was asked for.
    if (host === undefined) void request.signal;
    host ??= isHttp1 ? "" : authorityOf(request.url, parts.missingHost);
    this.host = lines[1] = host;
    this.givenId = givenId;
    this.claims = hasClaims ? new ClaimingHeaders(lines) : undefined;
    this.headers = this.claims ?? headers;

    let refused: ProxyError | undefined;
    let target = request.url;
    let bodyLength: number | null | undefined = null;
    try {
      if (this.method === "CONNECT") throw new ProxyError("method_not_allowed", "Refused method CONNECT");
      if (!isHost(host)) throw bad(`Host is ${JSON.stringify(host)}`);
      target = targetOf(request.url, host, parts, this.method);
      bodyLength = bodyLengthOf(length, coding, this.method);
    } catch (error) {
      refused = error as ProxyError;
    }
    this.target = target;
    this.bodyLength = bodyLength;
    this.refused = refused;
    this.unframed = !isHttp1 && length === undefined && refused === undefined && hasBody(this.method);
  }

  /** Looks whether there is a body: in HTTP/1.1 without framing there is none, but HTTP/2 needs no framing. */
  async look(): Promise<void> {
    const body = new ServeBody(this.#request, undefined, this.bodyLength === 0);
    if (await body.isEmpty()) return;
    this.#body = body;
    this.bodyLength = undefined;
  }

  body(): ServeBody {
    return this.#body ??= new ServeBody(this.#request, this.bodyLength ?? undefined, false);
  }

  endpoints(): Endpoints {
    const { local } = this.#parts;
    return { source: endpointOf(this.#info.remoteAddr), destination: local && endpointOf(local) };
  }

  onGone(callback: (error: ProxyError) => void): void {
    const { signal } = this.#request;
    const gone = () => callback(new ProxyError("client_gone", "The client went away"));
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
  }
}

/**
 * What a request without Host names in its URL, "" if nothing. That is HTTP/2's `:authority`. `Deno.serve` does not tell
 * which HTTP a request came by: one by HTTP/1.1 is known by the stand-in for its Host, or by a field that HTTP/2 lacks.
 */
function authorityOf(url: string, missingHost: string): string {
  const authority = /^https?:\/\/([^/?#]*)/.exec(url)?.[1] ?? "";
  return authority === missingHost ? "" : authority;
}

/** Whether a client asks for a WebSocket as RFC 6455 section 4.1 has it: nothing else can be switched to. */
function isWebSocket({ method, headers }: Request, upgrade: string, connection: string): boolean {
  return method === "GET" && tokens(upgrade).includes("websocket") &&
    tokens(connection).includes("upgrade") && headers.get("sec-websocket-version") === "13" &&
    /^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "");
}

/** `Deno.serve` gives prefix, Host and target in one for the origin form, and the absolute form as it was sent. */
function targetOf(url: string, host: string, { prefix, scheme }: UrlParts, method: string): string {
  if (!url.startsWith(prefix) || !url.startsWith(host, prefix.length)) {
    return absoluteTarget(url, scheme, host, method);
  }
  const target = url.slice(prefix.length + host.length);
  if (target === "/*" && method === "OPTIONS") return "*";
  if (target.charCodeAt(0) === SLASH) return normalTarget(target);
  return absoluteTarget(url, scheme, host, method);
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
  if (!hasBody(method)) {
    if (bytes !== 0) throw bad(`${method} has a body, which Deno.serve does not hand on`);
    return null;
  }
  return bytes;
}

/** Whether `Deno.serve` hands on the body of a request with that method. */
function hasBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}
