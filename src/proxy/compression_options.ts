/**
 * Which responses are compressed.
 *
 * @module
 */
import { describe, fieldProblems, isCount, isObject, type Rule, type Rules } from "./fields.ts";

/** A content coding. */
export type Coding = "zstd" | "br" | "gzip";

/** The content codings that there are, the best first. */
export const CODINGS: readonly Coding[] = ["zstd", "br", "gzip"];

/** Settings of compression. */
export interface CompressionOptions {
  /** Those that may be used; of those that a client likes equally, the first is. @default {["zstd", "br", "gzip"]} */
  encodings?: Coding[];
  /** Bodies that are known to be smaller stay as they are, in bytes. @default {1024} */
  minSize?: number;
  /**
   * Media types of responses that are compressed; `*` stands for any run of characters. @default text, JSON, XML, JavaScript,
   * WebAssembly, SVG and plain fonts
   */
  types?: string[];
}

/** Media types that get smaller. */
export const COMPRESSIBLE: readonly string[] = [
  "text/*",
  "*+json",
  "*+xml",
  "application/json",
  "application/x-ndjson",
  "application/javascript",
  "application/xml",
  "application/wasm",
  "font/ttf",
  "font/otf",
];

const RULES: { readonly [Name in keyof CompressionOptions]-?: Rule } & Rules = {
  encodings: {
    expected: `a list of ${CODINGS.join(", ")}`,
    holds: (value) =>
      Array.isArray(value) && value.length > 0 && value.every((coding) => CODINGS.includes(coding)),
  },
  minSize: { expected: "a whole number of bytes >= 0", holds: isCount },
  types: {
    expected: 'a list of media types such as "text/*"',
    holds: (value) =>
      Array.isArray(value) && value.every((type) => typeof type === "string" && /^[\w.+*/-]+$/.test(type)),
  },
};

/** What is wrong with a module's `options.compression`. */
export function compressionProblems(given: unknown): string[] {
  if (typeof given === "boolean" || given === undefined) return [];
  if (!isObject(given)) {
    return [`option "compression" is ${describe(given)}, expected true, false or an object`];
  }
  return fieldProblems(given, RULES, (name) => `option "compression.${name}"`);
}
