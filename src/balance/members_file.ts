/**
 * Reading a list of members, in YAML or JSON.
 *
 * @module
 */
import { parse } from "@std/yaml";
import {
  type DocumentEvent,
  type Event,
  EVENT_ID,
  parseEvents,
  type ParserOptions,
  type PopEvent,
} from "js-yaml";
import type { Peer } from "../upstream/peer.ts";
import { Backend, type Member } from "./backend.ts";

/** The keys of an item, and what their values have to be. */
const OF_PEER: Record<string, Kind> = {
  address: "a text",
  tls: "a mapping",
  timeouts: "a mapping",
  maxIdle: "a number",
  group: "a text",
};
const OF_MEMBER: Record<string, Kind> = {
  weight: "a number",
  priority: "a number",
  backup: "true or false",
  zone: "a text",
  maxInFlight: "a number",
  labels: "a mapping",
};

type Kind = "nothing" | "a text" | "a number" | "true or false" | "a list" | "a mapping";

/**
 * The members that a text lists: addresses, or mappings with `address` and whatever else a {@linkcode Peer} and a
 * {@linkcode Member} have. JSON is YAML too.
 *
 * @param defaults What peers have that do not say otherwise.
 * @throws {RangeError} that says what is wrong, and in which line
 */
export function parseMembers(text: string, defaults: Omit<Peer, "address"> = {}): Member[] {
  let list: unknown;
  try {
    list = parse(text);
  } catch (error) {
    throw new RangeError((error as Error).message.split("\n")[0]!, { cause: error });
  }
  if (!Array.isArray(list)) throw new RangeError(`line 1: expected a list of members, found ${kindOf(list)}`);
  return list.map((item, i) => {
    try {
      const member = toMember(item, defaults);
      new Backend(member);
      return member;
    } catch (error) {
      const line = linesOf(text)[i];
      throw new RangeError(`${line ? `line ${line}` : `item ${i + 1}`}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  });
}

function toMember(item: unknown, defaults: Omit<Peer, "address">): Member {
  if (typeof item === "string") return { peer: { ...defaults, address: item } };
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    throw new RangeError(`expected an address or a mapping with "address", found ${kindOf(item)}`);
  }
  const peer: Record<string, unknown> = { ...defaults };
  const member: Record<string, unknown> = { peer };
  for (const [key, value] of Object.entries(item)) {
    const expected = OF_PEER[key] ?? OF_MEMBER[key];
    if (expected === undefined) {
      throw new RangeError(
        `unknown key "${key}", known are ${Object.keys({ ...OF_PEER, ...OF_MEMBER }).join(", ")}`,
      );
    }
    if (kindOf(value) !== expected) {
      throw new RangeError(`expected "${key}" to be ${expected}, found ${kindOf(value)}`);
    }
    (key in OF_PEER ? peer : member)[key] = value;
  }
  if (peer.address === undefined) throw new RangeError('expected an "address"');
  return member as unknown as Member;
}

/** The line that each item of the list begins in; 0 for one that is empty, and so begins nowhere. */
function linesOf(text: string): number[] {
  const lines: number[] = [];
  let depth = 0;
  for (const event of parseEvents(text, { source: text } as ParserOptions)) {
    if (event.type === EVENT_ID.POP) {
      depth--;
      continue;
    }
    // The document is one level, the list another.
    if (depth === 2 && event.type !== EVENT_ID.DOCUMENT) {
      const start = startOf(event);
      lines.push(start < 0 ? 0 : text.slice(0, start).split("\n").length);
    }
    if (event.type !== EVENT_ID.SCALAR && event.type !== EVENT_ID.ALIAS) depth++;
  }
  return lines;
}

function startOf(event: Exclude<Event, DocumentEvent | PopEvent>): number {
  return "start" in event ? event.start : "valueStart" in event ? event.valueStart : event.anchorStart;
}

function kindOf(value: unknown): Kind {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "string":
      return "a text";
    case "boolean":
      return "true or false";
    case "object":
      return "a mapping";
    default:
      return "a number";
  }
}
