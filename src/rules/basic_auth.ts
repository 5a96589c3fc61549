/**
 * Asking for a name and a password, RFC 7617.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import { ProxyError } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import { refusal } from "./refusal.ts";
import type { Rule } from "./rule.ts";

/** Settings of {@linkcode basicAuth}. */
export interface BasicAuthOptions {
  /** Shown by browsers. @default {"restricted"} */
  readonly realm?: string | undefined;
  /** Names and the bcrypt hashes of their passwords, as `htpasswd -nB` makes them. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** A file of `NAME:HASH` lines, as `htpasswd -B` writes it. */
  readonly file?: string | undefined;
}

/** Credentials that were right are not hashed again for so long, in milliseconds. */
const KNOWN_FOR = 300_000;
/** So many of them are remembered. */
const MOST_KNOWN = 1_000;
/** So many passwords wait to be looked at, one at a time. */
const MOST_CHECKS = 32;

/**
 * Lets requests with the name and password of a user through, without them; others get 401.
 *
 * @throws when the file cannot be read
 * @throws {RangeError} that names what in it is no user
 */
export async function basicAuth({ realm = "restricted", users, file }: BasicAuthOptions): Promise<Rule> {
  const hashes = new Map(Object.entries(users ?? {}));
  if (file !== undefined) readUsers(await Deno.readTextFile(file), file, hashes);
  // What a password is held against when there is no such user: that takes as long.
  const [nobody] = hashes.values();
  if (nobody === undefined) throw new RangeError("basicAuth has no users");
  // Only who asks for passwords waits for this.
  const { compare } = (await import("bcryptjs")).default;
  const secret = randomBytes(32);
  const known = new Map<string, number>();
  const underWay = new Map<string, Promise<boolean>>();
  let turn: Promise<void> = Promise.resolve();
  let freeAt = 0;

  /** Compares one at a time; who guesses passwords gets half of the processor at the most. */
  const isSame = async (password: string, hash: string): Promise<boolean> => {
    const before = turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    turn = promise;
    await before;
    if (freeAt > performance.now()) await sleep(freeAt - performance.now());
    const begun = performance.now();
    try {
      return await compare(password, hash);
    } finally {
      freeAt = 2 * performance.now() - begun;
      resolve();
    }
  };
  const check = async (key: string, name: string, password: string): Promise<boolean> => {
    const hash = hashes.get(name);
    const isRight = await isSame(password, hash ?? nobody) && hash !== undefined;
    if (isRight) {
      if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value!);
      known.set(key, performance.now() + KNOWN_FOR);
    }
    return isRight;
  };

  return {
    async requestFilter(session) {
      const { headers } = session.request;
      const given = credentials(headers.get("authorization"));
      if (given !== undefined) {
        const [name, password] = given;
        const key = createHmac("sha256", secret).update(`${name}:${password}`).digest("base64");
        const until = known.get(key);
        let isRight = until !== undefined && performance.now() < until;
        if (!isRight) {
          known.delete(key);
          let checking = underWay.get(key);
          if (checking === undefined) {
            if (underWay.size >= MOST_CHECKS) {
              throw new ProxyError("overloaded", "Too many passwords to check");
            }
            checking = check(key, name, password).finally(() => underWay.delete(key));
            underWay.set(key, checking);
          }
          isRight = await checking;
        }
        if (isRight) {
          headers.delete("authorization");
          return;
        }
      }
      const answer = refusal(session, 401);
      answer.headers.set("www-authenticate", `Basic realm="${realm}", charset="UTF-8"`);
      return answer;
    },
  };
}

/** Name and password of an `Authorization`; undefined when it has none, or more than one. */
function credentials(field: string | null): [name: string, password: string] | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]{1,1024}={0,2})$/i.exec(field ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

function readUsers(text: string, file: string, into: Map<string, string>): void {
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = /^([^:\s]+):(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})$/.exec(line.trim());
    if (match === null) {
      throw new RangeError(`${file}:${i + 1} is no NAME:HASH with a bcrypt hash, as htpasswd -B writes it`);
    }
    into.set(match[1]!, match[2]!);
  }
}
