/**
 * Reading a YAML file together with the place of everything in it.
 *
 * @module
 */
import {
  constructFromEvents,
  type Event,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  type ScalarEvent,
  YAMLException,
} from "js-yaml";
import { messageOf } from "../http/errors.ts";
import { type Complaint, type Path, pathText, type Problem } from "./problem.ts";

/** The most values that a file may come to, once every alias is replaced by what it stands for. */
const MAX_VALUES = 200_000;
/** How deep values may be within one another. */
const MAX_DEPTH = 50;

/** A value of the file. */
interface Node {
  /** Where it begins; -1 for one that is empty. */
  readonly start: number;
  readonly kind: "scalar" | "list" | "mapping";
  /** Its key, or its index in a list. */
  step: string | number | undefined;
  readonly keys: Map<string, { start: number; node: Node }>;
  readonly items: Node[];
  /** How many values it comes to, itself included. */
  size: number;
  open: boolean;
  /** The key that waits for its value. */
  key: { text: string; start: number } | undefined;
}

/** A file, read. */
export class YamlTree {
  /** What the file says; undefined when it cannot be read. */
  readonly value: unknown = undefined;
  /** What is wrong with it as YAML. */
  readonly problems: Problem[] = [];
  readonly #text: string;
  readonly #lineStarts: number[] = [0];
  readonly #anchors = new Map<string, Node>();
  #root: Node | undefined;

  /** Reads a text. Never throws: what is wrong is in {@linkcode YamlTree.problems}. */
  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#lineStarts.push(at + 1);
    let events: Event[];
    try {
      events = parseEvents(text, { maxDepth: MAX_DEPTH });
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#walk(events);
    if (this.problems.some(({ isWarning }) => !isWarning) && this.#root === undefined) return;
    try {
      this.value = constructFromEvents(events, { source: text, json: true })[0];
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** The complaint with its place; the nearest value around it where it has none of its own. */
  locate({ path, isKey = false, found, allowed = "", hint = "", isWarning = false }: Complaint): Problem {
    return { path: pathText(path), ...this.#placeOf(path, isKey), found, allowed, hint, isWarning };
  }

  /** The line of a value, from 1. */
  lineOf(path: Path): number {
    return this.#placeOf(path, true).line;
  }

  #placeOf(path: Path, isKey: boolean): { line: number; column: number } {
    let node = this.#root;
    let at = Math.max(node?.start ?? 0, 0);
    for (const [i, step] of path.entries()) {
      const last = i === path.length - 1;
      if (typeof step === "number") {
        node = node?.items[step];
        if (node !== undefined && node.start >= 0) at = node.start;
      } else {
        const entry = node?.keys.get(step);
        if (entry === undefined) break;
        node = entry.node;
        // What is missing from a mapping, or wrong with all of it, is told at its name.
        const atKey = (last && isKey) || node.start < 0 || node.kind === "mapping" || !last;
        at = atKey ? entry.start : node.start;
      }
      if (node === undefined) break;
    }
    return this.#position(at);
  }

  #position(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#lineStarts[low]! + 1 };
  }

  #add(offset: number, path: string, found: string, hint = ""): void {
    this.problems.push({
      path,
      ...this.#position(Math.max(offset, 0)),
      found,
      allowed: "",
      hint,
      isWarning: false,
    });
  }

  #refuse(error: unknown): void {
    if (!(error instanceof YAMLException)) return this.#add(0, "", `not YAML: ${messageOf(error)}`);
    const { line = 0, column = 0 } = error.mark ?? {};
    const at = (this.#lineStarts[line] ?? 0) + column;
    const indented = /^[ ]*\t/.test(this.#text.slice(this.#lineStarts[line] ?? 0));
    this.#add(at, "", `not YAML: ${error.reason}`, indented ? "indent with spaces, not with tabs" : "");
  }

  #walk(events: readonly Event[]): void {
    const stack: Node[] = [];
    let documents = 0;
    for (const event of events) {
      if (event.type === EVENT_ID.DOCUMENT) {
        if (++documents > 1) return this.#add(this.#text.length, "", "found more than one document (---)");
        continue;
      }
      if (event.type === EVENT_ID.POP) {
        const node = stack.pop();
        if (node === undefined) continue;
        node.open = false;
        const parent = stack.at(-1);
        if (parent !== undefined) parent.size += node.size;
        continue;
      }
      const node = event.type === EVENT_ID.ALIAS ? this.#aliasOf(event) : this.#nodeOf(event);
      if (node === undefined || !this.#place(node, event, stack)) {
        this.#root = undefined;
        return;
      }
    }
    if (this.#root === undefined) this.#add(0, "", "the file is empty");
  }

  #nodeOf(event: Exclude<Event, { type: 1 | 5 | 6 }>): Node {
    const anchor = this.#text.slice(Math.max(event.anchorStart, 0), Math.max(event.anchorEnd, 0));
    const node: Node = {
      start: event.type === EVENT_ID.SCALAR ? beginningOf(event) : event.start,
      kind: event.type === EVENT_ID.SCALAR ? "scalar" : event.type === EVENT_ID.SEQUENCE ? "list" : "mapping",
      step: undefined,
      keys: new Map(),
      items: [],
      size: 1,
      open: event.type !== EVENT_ID.SCALAR,
      key: undefined,
    };
    if (event.anchorStart >= 0) this.#anchors.set(anchor, node);
    return node;
  }

  /** What an alias stands for, at the alias's own place. */
  #aliasOf({ anchorStart, anchorEnd }: { anchorStart: number; anchorEnd: number }): Node | undefined {
    const name = this.#text.slice(anchorStart, anchorEnd);
    const node = this.#anchors.get(name);
    if (node === undefined) this.#add(anchorStart - 1, "", `unknown alias "${name}"`);
    else if (node.open) this.#add(anchorStart - 1, "", `alias "${name}" is within what it stands for`);
    else return { ...node, start: anchorStart - 1, open: false };
    return undefined;
  }

  /** Puts a value where it belongs; whether all can go on. */
  #place(node: Node, event: Event, stack: Node[]): boolean {
    const parent = stack.at(-1);
    const isKey = parent?.kind === "mapping" && parent.key === undefined;
    if (isKey) {
      if (event.type !== EVENT_ID.SCALAR) {
        this.#add(node.start, "", "a key has to be a plain text");
        return false;
      }
      const text = getScalarValue(this.#text, event);
      const path = pathText([...stack.flatMap(({ step }) => step ?? []), text]);
      const first = parent.keys.get(text);
      if (first !== undefined) {
        const { line, column } = this.#position(first.start);
        this.#add(node.start, path, `key given twice, first at ${line}:${column}`);
      }
      if (text === "__proto__") {
        this.#add(node.start, path, "unknown key");
        return false;
      }
      parent.key = { text, start: node.start };
      return true;
    }
    if (parent === undefined) this.#root = node;
    else if (parent.kind === "list") node.step = parent.items.push(node) - 1;
    else {
      const { text, start } = parent.key!;
      parent.key = undefined;
      // Of a key that is given twice, the last counts, as it does for the value.
      parent.keys.set(text, { start, node });
      node.step = text;
    }
    if (node.open) stack.push(node);
    else if (parent !== undefined) parent.size += node.size;
    const total = stack.reduce((sum, { size }) => sum + size, 0);
    if (total <= MAX_VALUES) return true;
    this.#add(node.start, "", `found more than ${MAX_VALUES} values, with aliases replaced`);
    return false;
  }
}

/** The quote of a quoted scalar is where it begins. */
function beginningOf({ valueStart, style, tagStart }: ScalarEvent): number {
  if (tagStart >= 0) return tagStart;
  return style === 2 || style === 3 ? valueStart - 1 : valueStart;
}
