/**
 * Asking a service whether a request may go on, as Traefik's ForwardAuth and nginx's auth_request.
 *
 * @module
 */
import { messageOf, ProxyError } from "../http/errors.ts";
import type { Session } from "../proxy/hooks.ts";
import { ownFields } from "./own_fields.ts";
import type { Rule } from "./rule.ts";

/** Settings of {@linkcode forwardAuth}. */
export interface ForwardAuthOptions {
  /** Asked about every request: 2xx lets it go on, anything else is the answer. */
  readonly url: string;
  /** The longest that the answer may take, in milliseconds. @default {5_000} */
  readonly timeout?: number | undefined;
  /** Fields of the request that are sent along. @default {["authorization", "cookie"]} */
  readonly requestHeaders?: readonly string[] | undefined;
  /** Fields of the answer that the upstream gets; they are taken out of what clients send. */
  readonly copyHeaders?: readonly string[] | undefined;
}

/** More of a refusal's body is cut off, in bytes. */
const MOST = 64 * 1024;
/** Fields of a refusal that the client gets. */
const PASSED = ["content-type", "location", "www-authenticate", "retry-after", "cache-control"];

/** Asks the service; when it cannot be asked, requests get 503. */
export function forwardAuth(options: ForwardAuthOptions): Rule {
  const { url, timeout = 5_000, requestHeaders = ["authorization", "cookie"], copyHeaders = [] } = options;
  const removeCopies = ownFields(copyHeaders);
  return {
    async requestFilter(session) {
      const { headers } = session.request;
      removeCopies(headers);
      let answer: Response;
      try {
        answer = await fetch(url, {
          headers: question(session, requestHeaders),
          redirect: "manual",
          signal: AbortSignal.any([session.signal, AbortSignal.timeout(timeout)]),
        });
        if (!answer.ok) return await refusalOf(answer);
      } catch (error) {
        const why = session.signal.aborted ? "the request was given up" : messageOf(error);
        throw new ProxyError("hook_unavailable", `Cannot ask ${url}: ${why}`, { cause: error });
      }
      await answer.body?.cancel();
      for (const name of copyHeaders) {
        const value = answer.headers.get(name);
        if (value !== null) headers.set(name, value);
      }
      return undefined;
    },
  };
}

function question(session: Session, copied: readonly string[]): Headers {
  const { request, scheme, clientAddress, id } = session;
  const headers = new Headers({
    "x-forwarded-method": request.method,
    "x-forwarded-proto": scheme,
    "x-forwarded-host": request.headers.get("host") ?? "",
    "x-forwarded-uri": request.target,
    "x-forwarded-for": clientAddress,
    "x-request-id": id,
  });
  for (const name of copied) {
    for (const value of request.headers.getAll(name)) headers.append(name, value);
  }
  return headers;
}

/** What the service said, for the client. */
async function refusalOf(answer: Response): Promise<Response> {
  const headers = new Headers();
  for (const name of PASSED) {
    const value = answer.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  for (const cookie of answer.headers.getSetCookie()) headers.append("set-cookie", cookie);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  // Leaving the loop cancels the rest.
  for await (const part of answer.body ?? []) {
    parts.push(part.subarray(0, MOST - length) as Uint8Array<ArrayBuffer>);
    length += part.length;
    if (length >= MOST) break;
  }
  const isBodiless = [204, 205, 304].includes(answer.status);
  return new Response(isBodiless ? null : new Blob(parts), { status: answer.status, headers });
}
