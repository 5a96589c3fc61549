/**
 * Asking the DNS.
 *
 * `Deno.resolveDns` gives no TTLs. `node:dns` does for addresses (not for SRV), but wants `--allow-sys=networkInterfaces`
 * before it asks any other server than the system's, and does not say why it fails. So the latter is asked where it can
 * be, and the former where not, and for the reason of a failure. Both need `--allow-net` of the server, port 53.
 *
 * Neither can tell a failing server (SERVFAIL) from a name that is not there: "no records" may be either.
 *
 * @module
 */
import { within } from "./within.ts";

/** Which server is asked. */
export interface NameServer {
  /** Its IP address. */
  ipAddr: string;
  /** Its port. @default {53} */
  port?: number;
}

/** Addresses of a name. */
export interface Addresses {
  /** In no particular order; empty when there are no records. */
  readonly addresses: readonly string[];
  /** How long they are good for, in milliseconds, where that can be found out. */
  readonly ttl: number | undefined;
}

/** One question; aborting the signal gives it up. */
export interface Question {
  /** The server asked. @default the system's */
  nameServer?: NameServer;
  /** The longest that it may take, in milliseconds. */
  timeout: number;
  /** Gives it up. */
  signal: AbortSignal;
}

const NOT_FOUND = ["ENOTFOUND", "ENODATA"];
const TIMED_OUT = ["ETIMEOUT", "ECANCELLED"];

/**
 * The addresses of a name.
 *
 * @throws when they cannot be found out
 */
export async function lookUp(name: string, type: "A" | "AAAA", question: Question): Promise<Addresses> {
  return await limited(question, async (limit) => {
    if (question.nameServer === undefined || await mayChooseServer()) {
      try {
        return await lookUpWithTtl(name, type, limit);
      } catch (error) {
        limit.signal.throwIfAborted();
        const code = (error as { code?: string }).code ?? "";
        if (NOT_FOUND.includes(code)) return { addresses: [], ttl: undefined };
        if (TIMED_OUT.includes(code)) throw error;
      }
    }
    return { addresses: await resolve(name, type, limit), ttl: undefined };
  });
}

/**
 * The SRV records of a name.
 *
 * @throws when they cannot be found out
 */
export async function lookUpSrv(name: string, question: Question): Promise<readonly Deno.SrvRecord[]> {
  return await limited(question, (limit) => resolve(name, "SRV", limit));
}

async function lookUpWithTtl(
  name: string,
  type: "A" | "AAAA",
  { nameServer, signal }: Question,
): Promise<Addresses> {
  const { promises } = await import("node:dns");
  const resolver = new promises.Resolver();
  if (nameServer !== undefined) {
    const { ipAddr, port = 53 } = nameServer;
    resolver.setServers([ipAddr.includes(":") ? `[${ipAddr}]:${port}` : `${ipAddr}:${port}`]);
  }
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel);
  try {
    const records =
      await (type === "A" ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }));
    const ttl = 1000 * Math.min(...records.map(({ ttl }) => ttl));
    return { addresses: records.map(({ address }) => address), ttl };
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

async function resolve(name: string, type: "A" | "AAAA", question: Question): Promise<string[]>;
async function resolve(name: string, type: "SRV", question: Question): Promise<Deno.SrvRecord[]>;
async function resolve(
  name: string,
  type: "A" | "AAAA" | "SRV",
  { nameServer, signal }: Question,
): Promise<string[] | Deno.SrvRecord[]> {
  const options = { signal, ...(nameServer === undefined ? {} : { nameServer }) };
  try {
    return type === "SRV"
      ? await Deno.resolveDns(name, type, options)
      : await Deno.resolveDns(name, type, options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function mayChooseServer(): Promise<boolean> {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "networkInterfaces" });
  return state === "granted";
}

function limited<T>(question: Question, ask: (limit: Question) => Promise<T>): Promise<T> {
  return within(question.timeout, question.signal, (signal) => ask({ ...question, signal }));
}
