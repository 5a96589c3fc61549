/**
 * A module that walks over every object it can reach, and tells what of it acts on the process.
 *
 * @module
 */
import * as assert from "node:assert";
import * as asyncHooks from "node:async_hooks";
import * as buffer from "node:buffer";
import * as crypto from "node:crypto";
import * as events from "node:events";
import * as path from "node:path";
import * as stream from "node:stream";
import * as url from "node:url";
import * as util from "node:util";
import * as zlib from "node:zlib";

const ACTS = new RegExp(`^(?:${
  [
    ...["exit", "reallyExit", "kill", "chdir", "binding", "_linkedBinding", "openKv", "Command", "require"],
    ...[
      "createRequire",
      "getBuiltinModule",
      "eval",
      "(?:Async)?(?:Generator)?Function",
      "Worker",
      "listen",
      "serve\\w*",
      "core",
    ],
    ...[
      "ops",
      "op_\\w+",
      "internal",
      "fork",
      "spawn\\w*",
      "BroadcastChannel",
      "revoke",
      "revokeSync",
      "addSignalListener",
    ],
    ...["umask", "stdout", "stderr", "stdin", "mainModule", "runInThisContext", "dlopen", "openKv", "cron"],
  ].join("|")
})$`);

/** Nothing. */
export const net: string[] = [];

/** Lists what it found. */
export async function requestFilter(): Promise<Response> {
  const queue: [unknown, string][] = [
    [globalThis, "globalThis"],
    [[assert, asyncHooks, buffer, crypto, events, path, stream, url, util, zlib], "node"],
    [
      [async function () {}, function* () {}, async function* () {}, [].values(), new Map().keys()],
      "language",
    ],
    [[new AbortController(), new MessageChannel(), new Response("x"), new Request("http://a")], "web"],
    [[new Blob([]).stream(), import.meta, Deno.permissions.querySync({ name: "net" })], "deno"],
    [await Deno.permissions.query({ name: "net" }), "permission"],
  ];
  const seen = new Set<unknown>();
  const found: string[] = [];
  for (let next; (next = queue.pop()) !== undefined;) {
    const [value, way] = next;
    if (seen.has(value) || value === null || !/^(?:object|function)$/.test(typeof value)) continue;
    seen.add(value);
    for (const key of Reflect.ownKeys(value as object)) {
      const descriptor = Reflect.getOwnPropertyDescriptor(value as object, key)!;
      const here = `${way}.${String(key)}`;
      queue.push([descriptor.value, here], [descriptor.get, here], [descriptor.set, here]);
      const got = descriptor.value ?? reading(value as object, key);
      queue.push([got, here]);
      if (ACTS.test(String(key)) && got && !/^(?:refused|guarded)$/.test((got as { name: string }).name)) {
        found.push(here);
      }
    }
    queue.push([Object.getPrototypeOf(value), `${way}.prototype of`]);
  }
  return Response.json({ seen: seen.size, found });
}

function reading(value: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}
