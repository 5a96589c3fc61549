/**
 * Deciding whether a response is compressed, and making its head say so.
 *
 * Compressing what holds a secret together with what an attacker can put there tells the secret by its length (BREACH): leave
 * pages with such secrets out by `types`, or by `Cache-Control: no-transform`.
 *
 * @module
 */
import { preferredCoding } from "../http/accept_encoding.ts";
import type { HeaderList } from "../http/headers.ts";
import { type Coding, CODINGS, COMPRESSIBLE, type CompressionOptions } from "./compression_options.ts";

/** What is no longer true of a body that was compressed. */
const OUTDATED = [
  "content-length",
  "accept-ranges",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
];

/** Chooses the coding of a response with such a status and head, which it makes fit; undefined leaves it as it is. */
export type Compression = (
  request: { readonly headers: HeaderList },
  response: { readonly status: number; readonly headers: HeaderList },
  length: number | undefined,
) => Coding | undefined;

/** Compression by these options; undefined for none. */
export function compressionOf(given: boolean | CompressionOptions): Compression | undefined {
  if (given === false) return undefined;
  const { encodings = CODINGS, minSize = 1024, types = COMPRESSIBLE } = given === true ? {} : given;
  const patterns = types.map((type) => type.replaceAll(/[.+]/g, "\\$&").replaceAll("*", "[^;]*"));
  const isCompressible = new RegExp(`^\\s*(?:${patterns.join("|")})\\s*(?:;|$)`, "i");

  return (request, { status, headers }, length) => {
    if (status === 304) return confirmWeak(request.headers, headers);
    // Parts are counted in bytes of the whole, and bodies that are encoded already do not get smaller.
    if (status < 200 || status === 204 || status === 205 || status === 206) return undefined;
    if (!isCompressible.test(headers.get("content-type") ?? "")) return undefined;
    if ((headers.get("content-encoding") ?? "identity") !== "identity") return undefined;
    if (/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(headers.get("cache-control") ?? "")) return undefined;
    if (length !== undefined && length < minSize) return undefined;
    addVary(headers);
    const coding = preferredCoding(request.headers.get("accept-encoding"), encodings);
    if (coding === null) return undefined;
    for (const name of OUTDATED) headers.delete(name);
    headers.set("content-encoding", coding);
    weaken(headers);
    return coding;
  };
}

/** A 304 has the tag by which the client knows what it has, RFC 9110 section 15.4.5. */
function confirmWeak(request: HeaderList, response: HeaderList): undefined {
  const tag = response.get("etag");
  const known = request.get("if-none-match");
  if (tag === null || known === null || tag.startsWith("W/") || !known.includes(`W/${tag}`)) return;
  weaken(response);
  addVary(response);
}

/** What is not the same byte for byte must not have the same strong tag, RFC 9110 section 8.8.1. */
function weaken(headers: HeaderList): void {
  const tag = headers.get("etag");
  if (tag?.startsWith('"')) headers.set("etag", `W/${tag}`);
}

/** Caches have to know that it depends on what the client accepts, RFC 9110 section 12.5.5. */
function addVary(headers: HeaderList): void {
  const vary = headers.get("vary");
  if (vary === null) return headers.append("vary", "accept-encoding");
  const names = vary.split(",").map((name) => name.trim().toLowerCase());
  if (!names.includes("*") && !names.includes("accept-encoding")) {
    headers.set("vary", `${vary}, accept-encoding`);
  }
}
