/**
 * What a proxy and a hook worker say to each other: lists of calls one way, lists of replies the other.
 *
 * Everything is plain data in short arrays, as cloning objects with names costs more than the hooks do. Header fields
 * cross as one text, which is cheaper than many.
 *
 * @module
 */
import { checkLine, HeaderList } from "../http/headers.ts";
import type { HOOKS } from "../proxy/hooks.ts";

/** The name of a hook. */
export type HookName = typeof HOOKS[number];

/** A request as hooks see it; `tried` are peers as JSON. */
export type SessionView = [
  id: string,
  clientAddress: string,
  scheme: string,
  method: string,
  target: string,
  fields: string,
  attempts: number,
  status: number,
  bytesSent: number,
  bytesReceived: number,
  elapsed: number,
  tried: string[],
  upgrade: string | null,
];

/** A call of a hook. `request` numbers requests whose context the worker keeps, 0 where it keeps none. */
export type Call = [id: number, hook: HookName, request: number, session: SessionView, ...args: unknown[]];

/** Something other than a hook to be done: the id is 0. */
export type Command =
  /** Show that you are alive: put the number where {@linkcode Pulse} says, and report your memory. */
  | [0, "ping", number]
  /** Start the background services. */
  | [0, "start"]
  /** Stop them. */
  | [0, "stop"];

/** How a call ended. */
export const OUTCOME = { nothing: 0, result: 1, failed: 2, refused: 3 } as const;

/** The end of a call: nothing to say, a result, what was thrown, or a `ProxyError` that was thrown on purpose. */
export type Reply =
  | [id: number, outcome: typeof OUTCOME.nothing]
  | [id: number, outcome: typeof OUTCOME.result, value: unknown]
  | [id: number, outcome: typeof OUTCOME.failed, message: string]
  | [id: number, outcome: typeof OUTCOME.refused, type: string, message: string];

/** What a worker says on its own: the id is 0. */
export type Notice =
  | [0, "log", level: string, text: string]
  /** A hook tried what it may not. */
  | [0, "denied", what: string]
  /** A hook reached an address; said only when the proxy audits. */
  | [0, "used", address: string]
  /** Its code kept the thread for too long and was stopped somewhere. */
  | [0, "stuck", cause: string]
  /** Bytes that the worker holds. */
  | [0, "memory", number]
  /** Its background services have ended. */
  | [0, "stopped"];

/** What a worker says of the module once it has loaded it. */
export interface Declarations {
  /** The hooks that it exports. */
  hooks: HookName[];
  /** Its `listen`. */
  listen: string | undefined;
  /** How it would listen. */
  listener: Record<string, unknown> | undefined;
  /** Its `net`. */
  net: string[] | undefined;
  /** What it asks for beyond the network. */
  permissions: Record<string, string[] | true> | undefined;
  /** Its upstreams. */
  upstreams: string[];
  /** Its settings. */
  options: Record<string, unknown> | undefined;
  /** Whether it has background services. */
  hasServices: boolean;
}

/** The first message to a worker. */
export interface Init {
  /** Calls come and replies go here. */
  port: MessagePort;
  /** See {@linkcode Pulse}. */
  pulse: Int32Array<SharedArrayBuffer>;
  /** The module's name, for problems. */
  name: string;
  /** Peers as JSON to use instead of the module's own. */
  upstreams: string[] | undefined;
  /** Whether reached addresses are to be reported. */
  audit: boolean;
  /** Whether running programs was granted. */
  mayRun: boolean;
}

/** The first answer of a worker: its module's declarations, or why it cannot be used, a line for each problem. */
export type Ready = { declarations: Declarations } | { problems: string[] };

/** Places in memory shared with a worker, which tell of it even when it is stuck. */
export const PULSE = { current: 0, ping: 1, size: 2 } as const;

/** Field lines as one text. */
export function packFields({ lines }: HeaderList): string {
  return lines.join("\n");
}

/** The fields of a text that the proxy made, which is taken at its word. */
export function unpackFields(text: string): HeaderList {
  const headers = new HeaderList();
  if (text !== "") { for (const part of text.split("\n")) headers.lines.push(part); }
  return headers;
}

/**
 * Puts the fields of a text that a worker made in the place of those of a list. Only what differs is looked at closely:
 * most of them came from here.
 *
 * @throws {TypeError} when it holds what is no field, as only a worker that means harm would send
 */
export function refillFields(headers: HeaderList, text: string): void {
  const parts = text === "" ? [] : text.split("\n");
  if (parts.length % 2 === 1) throw new TypeError("Cannot read header fields: a name has no value");
  const { lines } = headers;
  const before = lines.length;
  for (let i = 0; i < parts.length; i += 2) {
    if (i < before && lines[i] === parts[i] && lines[i + 1] === parts[i + 1]) continue;
    checkLine(parts[i]!, parts[i + 1]!);
    lines[i] = parts[i]!;
    lines[i + 1] = parts[i + 1]!;
  }
  lines.length = parts.length;
}
