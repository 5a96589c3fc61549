/**
 * A request by HTTP/2.
 *
 * @module
 */
import type { Endpoints } from "../../http/endpoint.ts";
import { ProxyError } from "../../http/errors.ts";
import { declaredLength } from "../../http/framing.ts";
import { HeaderList } from "../../http/headers.ts";
import { ClaimingHeaders, isClaim } from "../claims.ts";
import { isDisguised } from "../disguised.ts";
import type { FrontRequest } from "../front.ts";
import { isHost, isSameHost } from "../host.ts";
import { refused } from "../refused.ts";
import { normalTarget } from "../target.ts";
import { decodedTarget } from "../tcp/tcp_request.ts";
import type { H2Body } from "./h2_body.ts";
import { type RequestFields, requestFields } from "./h2_fields.ts";

/** A body up to this long goes out with its head in one piece. */
const GATHERED = 32 * 1024;

/** The connection and the stream that a request came by. */
export interface RequestStream {
  /** The client's address, without port. */
  readonly clientAddress: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** Its body, unless the stream ended with its head. */
  readonly body: H2Body | undefined;
  /** As that of a request. */
  endpoints(): Endpoints;
  /** As that of a request. */
  onGone(callback: (error: ProxyError) => void): void;
  /** As that of a request. */
  readonly inform: NonNullable<FrontRequest["inform"]>;
}

/** A request that came through a stream. */
export class H2Request implements FrontRequest {
  readonly method: string;
  readonly target: string = "-";
  readonly host: string;
  readonly headers: HeaderList;
  readonly claims: ClaimingHeaders | undefined = undefined;
  readonly givenId: string | null = null;
  readonly bodyLength: number | null | undefined = null;
  readonly expectsContinue: boolean = false;
  readonly takesTrailers: boolean;
  readonly upgrade = null;
  readonly refused: ProxyError | undefined = undefined;
  readonly maxStatus = 999;
  readonly gatherUpTo: number = GATHERED;
  readonly inform: NonNullable<FrontRequest["inform"]>;
  readonly #stream: RequestStream;

  /**
   * @param fields Names and values in turns.
   * @param tooLarge Why they cannot be taken, if they cannot.
   */
  constructor(
    stream: RequestStream,
    fields: readonly string[],
    { tooLarge, maxRequestLine }: { tooLarge: ProxyError | undefined; maxRequestLine: number },
  ) {
    this.#stream = stream;
    this.inform = stream.inform;
    const found = requestFields(fields);
    const { pseudo, host } = found;
    this.method = pseudo.get(":method") ?? "-";
    this.host = host[0] ?? pseudo.get(":authority") ?? "";
    this.takesTrailers = found.te !== "";
    const headers = new HeaderList();
    const { lines } = headers;
    lines.push("host", this.host);
    let hasClaims = false;
    for (let i = 0; i < found.lines.length; i += 2) {
      const name = found.lines[i]!;
      const value = found.lines[i + 1]!;
      if (name.includes("_") && isDisguised(name)) continue;
      lines.push(name, value);
      if (name === "x-request-id") this.givenId = this.givenId === null ? value : `${this.givenId}, ${value}`;
      else if (isClaim(name)) hasClaims = true;
    }
    if (hasClaims) this.claims = new ClaimingHeaders(lines);
    this.headers = this.claims ?? headers;
    try {
      if (tooLarge !== undefined) throw tooLarge;
      if (found.problem !== undefined) throw found.problem;
      if (this.method === "CONNECT") throw new ProxyError("method_not_allowed", "Refused method CONNECT");
      checkPseudo(found);
      this.#checkHost(found);
      const path = pseudo.get(":path")!;
      if (path.length > maxRequestLine) {
        throw new ProxyError(
          "target_too_long",
          `Refused request: its target is over ${maxRequestLine} bytes`,
        );
      }
      this.target = path === "*" && this.method === "OPTIONS" ? path : targetOf(path);
      this.bodyLength = this.#bodyLength(found.length);
      this.expectsContinue = this.bodyLength !== null && this.bodyLength !== 0 &&
        found.expect.toLowerCase() === "100-continue";
    } catch (error) {
      this.refused = error as ProxyError;
    }
  }

  get clientAddress(): string {
    return this.#stream.clientAddress;
  }

  get scheme(): string {
    return this.#stream.scheme;
  }

  endpoints(): Endpoints {
    return this.#stream.endpoints();
  }

  body(): H2Body {
    return this.#stream.body!;
  }

  onGone(callback: (error: ProxyError) => void): void {
    this.#stream.onGone(callback);
  }

  #checkHost({ pseudo, host }: RequestFields): void {
    if (host.length > 1) throw refused(`it has ${host.length} Host fields`);
    if (!isHost(this.host)) throw refused(`Host is ${JSON.stringify(this.host)}`);
    const authority = pseudo.get(":authority");
    if (authority === undefined || host.length === 0) return;
    if (!isHost(authority) || !isSameHost(authority, this.host, this.scheme)) {
      throw refused(`:authority is ${JSON.stringify(authority)}, Host is ${JSON.stringify(this.host)}`);
    }
  }

  /** Without a body, methods that mean to send one send an empty one. */
  #bodyLength(lengths: readonly string[]): number | null | undefined {
    const declared = declaredLength(
      lengths.length === 0 ? undefined : lengths.join(", "),
      undefined,
      true,
      refused,
    );
    if (this.#stream.body !== undefined) return declared as number | undefined;
    if (declared !== undefined && declared !== 0) throw refused(`it has a length of ${declared} and no body`);
    if (declared === 0) return 0;
    const { method } = this;
    return method === "POST" || method === "PUT" || method === "PATCH" ? 0 : null;
  }
}

function checkPseudo({ pseudo }: RequestFields): void {
  const method = pseudo.get(":method");
  const scheme = pseudo.get(":scheme");
  if (method === undefined || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) {
    throw refused(`:method is ${JSON.stringify(method)}`);
  }
  // A proxy in front that ends TLS says what its client spoke: as long as it is HTTP, it does not matter.
  if (scheme !== "http" && scheme !== "https") throw refused(`:scheme is ${JSON.stringify(scheme)}`);
  const path = pseudo.get(":path");
  if (path === undefined || path[0] !== "/" && path !== "*") {
    throw refused(`:path is ${JSON.stringify(path)}`);
  }
  if (pseudo.has(":protocol")) throw refused("it has :protocol, which nothing offered");
}

function targetOf(path: string): string {
  if (path[0] !== "/") throw refused(`:path is ${JSON.stringify(path)}`);
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(path)) return normalTarget(path);
  return normalTarget(decodedTarget(Uint8Array.from(path, (character) => character.charCodeAt(0))));
}
