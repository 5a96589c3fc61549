/**
 * Texts with variables in braces, filled in for each request.
 *
 * @module
 */
import { path } from "../balance/policies/keys.ts";
import type { Session } from "../proxy/hooks.ts";
import { type ClientOf, directClient } from "./real_client.ts";
import { claimsOf } from "./token_claims.ts";

/** Makes the text for a request. */
export type Template = (session: Session) => string;

const VALUES: Readonly<Record<string, Template>> = {
  host: (session) => session.request.headers.get("host") ?? "",
  path,
  query: ({ request: { target } }) => target.includes("?") ? target.slice(target.indexOf("?")) : "",
  method: (session) => session.request.method,
  scheme: (session) => session.scheme,
  id: (session) => session.id,
};

/** The variables that a template may hold. */
export const VARIABLES: readonly string[] = [
  "{client}",
  ...Object.keys(VALUES).map((name) => `{${name}}`),
  "{header.NAME}",
  "{jwt.CLAIM}",
];

/** Settings of {@linkcode template}. */
export interface TemplateOptions {
  /** Of {@linkcode VARIABLES}, those that it may hold. @default all */
  readonly allowed?: readonly string[] | undefined;
  /** Tells the address of the client. @default the connection's */
  readonly clientOf?: ClientOf | undefined;
}

/**
 * Reads a template. `{query}` is `?` and what follows, or nothing; a field or claim that is not there is nothing; a list
 * of claims is joined by commas. What comes out can be the value of a header field: it holds no control characters, and
 * what is beyond ASCII is UTF-8, a character a byte.
 *
 * @throws {RangeError} that names what is not known, or a brace that is not closed, and what is allowed
 */
export function template(
  text: string,
  { allowed = VARIABLES, clientOf = directClient }: TemplateOptions = {},
): Template {
  const refuse = (found: string): never => {
    throw new RangeError(
      `Cannot use ${JSON.stringify(text)}: found ${found}, allowed are ${allowed.join(", ")}`,
    );
  };
  const pieces = text.split(/\{([^{}]*)\}/);
  const parts = pieces.map((piece, i): string | Template => {
    if (i % 2 === 0) return /[{}]/.test(piece) ? refuse("a brace by itself") : piece;
    return allowed.includes(shapeOf(piece)) ? valueOf(piece, clientOf) : refuse(`{${piece}}`);
  }).filter((part) => part !== "");
  if (parts.every((part) => typeof part === "string")) {
    const fixed = parts.join("");
    return () => fixed;
  }
  return (session) => {
    let whole = "";
    for (const part of parts) whole += typeof part === "string" ? part : safe(part(session));
    return whole;
  };
}

/** How a variable stands in {@linkcode VARIABLES}. */
function shapeOf(name: string): string {
  if (/^header\.[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return "{header.NAME}";
  return /^jwt\../.test(name) ? "{jwt.CLAIM}" : `{${name}}`;
}

function valueOf(variable: string, clientOf: ClientOf): Template {
  if (variable === "client") return clientOf;
  const dot = variable.indexOf(".");
  if (dot < 0) return VALUES[variable]!;
  const name = variable.slice(dot + 1);
  if (variable.startsWith("header.")) return ({ request }) => request.headers.get(name) ?? "";
  return (session) => {
    const claims = claimsOf(session);
    return claims !== undefined && Object.hasOwn(claims, name) ? claimText(claims[name]) : "";
  };
}

const encoder = new TextEncoder();

/** The text of a claim as a byte string. */
function claimText(claim: unknown): string {
  if (claim === undefined || claim === null) return "";
  const isPlain = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);
  const isList = Array.isArray(claim) && claim.every(isPlain);
  const text = isPlain(claim) ? String(claim) : isList ? claim.join(",") : JSON.stringify(claim);
  let bytes = "";
  for (const byte of encoder.encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

function safe(value: string): string {
  // deno-lint-ignore no-control-regex
  return CONTROL.test(value) ? value.replace(/[\x00-\x1f\x7f]+/g, " ") : value;
}
