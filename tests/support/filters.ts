/**
 * Body filters that do one thing each.
 *
 * @module
 */
import type { FilteredChunk } from "../../src/mod.ts";
import { latin1 } from "./origin.ts";

/** A filter for the chunks of one body. */
export type Filter = (chunk: Uint8Array | null, end: boolean) => FilteredChunk;

/** A way to filter, and what it makes of a whole body. */
export interface FilterCase {
  /** What it does. */
  name: string;
  /** A new filter. */
  make(): Filter;
  /** What comes out, however the body was cut into chunks. */
  result(body: string): string;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Changes each chunk by itself. */
function mapped(name: string, change: (text: string) => string): FilterCase {
  return {
    name,
    make: () => (chunk) => chunk === null ? null : bytesOf(change(latin1(chunk))),
    result: change,
  };
}

/** Passing, replacing, dropping, holding back, growing and shrinking. */
export const FILTERS: FilterCase[] = [
  { name: "returns nothing", make: () => () => {}, result: (body) => body },
  { name: "returns the chunk", make: () => (chunk) => chunk, result: (body) => body },
  { name: "changes the chunk in place", make: () => inPlace, result: (body) => body.replaceAll("a", "A") },
  mapped("replaces chunks", (text) => text.toUpperCase()),
  mapped("grows chunks", (text) => text.replaceAll("a", "a longer text")),
  mapped("shrinks chunks", (text) => text.replace(/[b-z]/g, "")),
  mapped("makes every chunk empty", () => ""),
  { name: "drops everything", make: () => () => null, result: () => "" },
  {
    name: "adds something at the end",
    make: () => (chunk, end) => end ? bytesOf(`${chunk === null ? "" : latin1(chunk)}END`) : undefined,
    result: (body) => `${body}END`,
  },
  {
    name: "holds everything back until the end",
    make() {
      let held = "";
      return (chunk, end) => {
        if (chunk !== null) held += latin1(chunk);
        return end ? bytesOf(`<${held}>`) : null;
      };
    },
    result: (body) => `<${body}>`,
  },
];

function inPlace(chunk: Uint8Array | null): void {
  if (chunk === null) return;
  for (let i = 0; i < chunk.length; i++) if (chunk[i] === 97) chunk[i] = 65;
}
