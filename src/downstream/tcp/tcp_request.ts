/**
 * A request as the own HTTP/1.1 server read it.
 *
 * @module
 */
import { type BodyLength, CHUNKED } from "../../http/body_reading.ts";
import { byteString } from "../../http/bytes.ts";
import type { Endpoints } from "../../http/endpoint.ts";
import { ProxyError } from "../../http/errors.ts";
import { declaredLength } from "../../http/framing.ts";
import { HeaderList } from "../../http/headers.ts";
import { hasToken, removeNamed, switchable, tokens } from "../../http/hop_by_hop.ts";
import { absoluteTarget } from "../absolute_target.ts";
import { ClaimingHeaders } from "../claims.ts";
import { isDisguised } from "../disguised.ts";
import type { FrontRequest } from "../front.ts";
import { isHost } from "../host.ts";
import { refused } from "../refused.ts";
import { normalTarget } from "../target.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { HeadParser } from "./head_parser.ts";
import { TcpBody } from "./tcp_body.ts";

const SLASH = 47;
/** A body up to this long goes out with its head in one piece, even if it comes in several; if it breaks off, the client learns of it. */
const GATHERED = 32 * 1024;

/** The fields that are not just passed on. */
const KNOWN = [
  ..."te via host expect upgrade trailer forwarded connection keep-alive x-request-id content-length".split(
    " ",
  ),
  ..."x-forwarded-for x-forwarded-host x-forwarded-proto transfer-encoding http2-settings".split(" "),
  ..."proxy-connection proxy-authorization proxy-authenticate".split(" "),
];
/** Whether one of them has that length and first letter: all others need no closer look. */
const MAY_BE_KNOWN = new Uint8Array(32 * 32);
for (const name of KNOWN) MAY_BE_KNOWN[name.length * 32 + (name.charCodeAt(0) & 31)] = 1;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Who sends a request. */
export interface Client {
  /** Its address, without port. */
  readonly clientAddress: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** What stands for a Host that an HTTP/1.0 request does not name. */
  readonly host: string;
  /** As that of a request. */
  readonly inform: NonNullable<FrontRequest["inform"]>;
  /** As that of a request. */
  endpoints(): Endpoints;
  /** As that of a request. */
  onGone(callback: (error: ProxyError) => void): void;
}

/** A request that came through the own server. */
export class TcpRequest implements FrontRequest {
  readonly method: string = "-";
  readonly target: string = "-";
  readonly host: string = "";
  readonly headers: HeaderList;
  readonly claims: ClaimingHeaders | undefined = undefined;
  readonly givenId: string | null = null;
  readonly bodyLength: number | null | undefined = null;
  readonly refused: ProxyError | undefined = undefined;
  readonly expectsContinue: boolean = false;
  readonly takesTrailers: boolean = false;
  readonly upgrade: string | null = null;
  readonly maxStatus = 999;
  readonly gatherUpTo: number = GATHERED;
  /** Whether the client would go on with another request. */
  readonly keepAlive: boolean = false;
  /** Whether it speaks HTTP/1.1 rather than HTTP/1.0. */
  readonly isHttp11: boolean = true;
  /** The body, once there is a need to know of it. */
  readonly content: TcpBody | undefined = undefined;
  inform?: (status: number, reason: string, headers: HeaderList) => void;
  readonly #connection: ClientSocket & Client;

  /** Takes the head apart that the parser found in the bytes from `start` to `end`, or stands for one that is refused. */
  constructor(connection: ClientSocket & Client, head: HeadParser | ProxyError, start: number, end: number) {
    this.#connection = connection;
    if (head instanceof ProxyError) {
      this.refused = head;
      this.headers = new HeaderList();
      return;
    }
    const text = byteString(connection.buffer, start, end);
    this.method = text.slice(0, head.methodEnd);
    this.isHttp11 = head.minor === 1;

    const headers = new HeaderList();
    const { lines } = headers;
    const { places, placed } = head;
    let host: string | undefined;
    let hosts = 0;
    let connectionField = "";
    let length: string | undefined;
    let coding: string | undefined;
    let expect = "";
    let te = "";
    let upgrade: string | undefined;
    let hasClaims = false;
    for (let i = 0; i < placed; i += 4) {
      const nameStart = places[i]!;
      const nameLength = places[i + 1]! - nameStart;
      const name = text.slice(nameStart, nameStart + nameLength);
      const value = text.slice(places[i + 2]!, places[i + 3]!);
      if (nameLength < 32 && MAY_BE_KNOWN[nameLength * 32 + (text.charCodeAt(nameStart) & 31)] === 1) {
        switch (name.toLowerCase()) {
          case "host":
            host = value;
            hosts++;
            break;
          case "connection":
            connectionField = connectionField === "" ? value : `${connectionField}, ${value}`;
            continue;
          case "content-length":
            length = length === undefined ? value : `${length}, ${value}`;
            continue;
          case "transfer-encoding":
            coding = coding === undefined ? value : `${coding}, ${value}`;
            continue;
          case "expect":
            expect = value;
            continue;
          case "te":
            te = te === "" ? value : `${te}, ${value}`;
            continue;
          case "upgrade":
            upgrade = upgrade === undefined ? value : `${upgrade}, ${value}`;
            continue;
          case "keep-alive":
          case "http2-settings":
          case "proxy-connection":
          case "proxy-authorization":
          case "proxy-authenticate":
            continue;
          case "x-request-id":
            this.givenId = this.givenId === null ? value : `${this.givenId}, ${value}`;
            break;
          case "via":
          case "forwarded":
          case "x-forwarded-for":
          case "x-forwarded-host":
          case "x-forwarded-proto":
            hasClaims = true;
        }
      }
      if (head.hasUnderscore && isDisguised(name.toLowerCase())) continue;
      lines.push(name, value);
    }
    if (connectionField !== "") removeNamed(headers, connectionField);
    this.keepAlive = !hasToken(connectionField, "close") &&
      (this.isHttp11 || hasToken(connectionField, "keep-alive"));
    // HTTP/1.0 needs no Host.
    if (host === undefined && !this.isHttp11) {
      host = connection.host;
      lines.unshift("host", host);
    }
    this.host = host ?? "";
    this.claims = hasClaims ? new ClaimingHeaders(lines) : undefined;
    this.headers = this.claims ?? headers;

    try {
      if (this.method === "CONNECT") throw new ProxyError("method_not_allowed", "Refused method CONNECT");
      if (hosts > 1) throw refused(`it has ${hosts} Host fields`);
      if (!isHost(this.host)) throw refused(`Host is ${JSON.stringify(this.host)}`);
      this.target = this.#targetOf(head, text, start);
      const declared = declaredLength(length, coding, this.isHttp11, refused);
      this.bodyLength = bodyLengthOf(declared, this.method);
      if (this.bodyLength !== null && this.bodyLength !== 0) {
        this.content = new TcpBody(connection, this.bodyLength);
        this.expectsContinue = this.isHttp11 && expect.toLowerCase() === "100-continue";
      } else if (upgrade !== undefined && this.isHttp11 && hasToken(connectionField, "upgrade")) {
        this.upgrade = switchable(upgrade);
      }
    } catch (error) {
      this.refused = error as ProxyError;
      this.keepAlive = false;
    }
    if (this.isHttp11) {
      this.inform = connection.inform;
      if (te !== "") {
        this.takesTrailers = tokens(te).some((token) => token.split(";")[0]!.trim() === "trailers");
      }
    }
  }

  get clientAddress(): string {
    return this.#connection.clientAddress;
  }

  get scheme(): string {
    return this.#connection.scheme;
  }

  endpoints(): Endpoints {
    return this.#connection.endpoints();
  }

  body(): TcpBody {
    return this.content!;
  }

  onGone(callback: (error: ProxyError) => void): void {
    this.#connection.onGone(callback);
  }

  #targetOf(head: HeadParser, text: string, start: number): string {
    const from = head.methodEnd + 1;
    const target = head.isWideTarget
      ? decodedTarget(this.#connection.buffer.subarray(start + from, start + head.targetEnd))
      : text.slice(from, head.targetEnd);
    if (target.charCodeAt(0) === SLASH) return head.isPlainTarget ? target : normalTarget(target);
    if (target === "*" && this.method === "OPTIONS") return "*";
    return absoluteTarget(target, this.#connection.scheme, this.host, this.method);
  }
}

/** How long the body is; null for none. Without framing, methods that mean to send one send an empty one. */
function bodyLengthOf(declared: BodyLength | undefined, method: string): number | null | undefined {
  if (declared === CHUNKED) return undefined;
  return declared ?? (method === "POST" || method === "PUT" || method === "PATCH" ? 0 : null);
}

/** A target beyond ASCII. */
export function decodedTarget(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw refused("its target is not UTF-8");
  }
}
