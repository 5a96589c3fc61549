/**
 * Needs in the forms in which they are used: flags, a permission set of `deno.json`, JSON, and a table to read.
 *
 * @module
 */
import { KINDS, type Need, valuesOf } from "./needs.ts";

/** The forms of {@linkcode printNeeds}. */
export const FORMATS = ["flags", "deno", "json"] as const;

/** Needs as text: `flags` for a command line, `deno` for `permissions` in `deno.json`, `json` with the reasons. */
export function printNeeds(needs: readonly Need[], format: typeof FORMATS[number]): string {
  switch (format) {
    case "flags":
      return flagsOf(needs).map(quoted).join(" ");
    case "deno":
      return JSON.stringify(permissionSet(needs), null, 2);
    case "json":
      return JSON.stringify({ needs, flags: flagsOf(needs), refused: refused(needs) }, null, 2);
  }
}

/** The flags that grant these needs and nothing else. */
export function flagsOf(needs: readonly Need[]): string[] {
  return Object.entries(permissionSet(needs)).map(([kind, values]) => `--allow-${kind}=${values.join(",")}`);
}

/** A word for the command line of a shell, in quotes when the shell would make something else of it. */
export function quoted(word: string): string {
  return /^[\w./:=,@%+*[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function permissionSet(needs: readonly Need[]): Record<string, string[]> {
  return Object.fromEntries(
    KINDS.map((kind) => [kind, valuesOf(needs, kind)] as const).filter(([, values]) => values.length > 0),
  );
}

function refused(needs: readonly Need[]): string[] {
  return KINDS.filter((kind) => valuesOf(needs, kind).length === 0);
}

const MEANING: Record<string, string> = {
  net: "reaching or listening on any address",
  read: "reading files",
  write: "writing files",
  env: "reading the environment",
  run: "running programs",
  sys: "asking about the system",
  ffi: "loading libraries",
  import: "loading code from elsewhere",
};

/** A table of what is granted, and why, and of what is refused. */
export function explainNeeds(name: string, needs: readonly Need[], sandboxed: boolean): string {
  const granted = needs.map(({ kind, value, why }) => [kind, value, why]);
  const rest = valuesOf(needs, "net").length > 0 ? [["net", "everything else"]] : [];
  const denied = [...rest, ...refused(needs).map((kind) => [kind, MEANING[kind]!])];
  return [
    `${name} is granted`,
    ...columns(granted),
    "",
    `${name} is refused`,
    ...columns(denied),
    "",
    sandboxed
      ? "Its hooks run in a worker with the addresses above that are for upstreams and hooks; the proxy does the rest."
      : "Its hooks run in the proxy's own thread, with everything above. Add --sandbox to run them in a worker.",
    `Run with: ${flagsOf(needs).map(quoted).join(" ")}`,
  ].join("\n");
}

function columns(rows: readonly string[][]): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]!.length))) ?? [];
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd()}`);
}
