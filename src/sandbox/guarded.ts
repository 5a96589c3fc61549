/**
 * Functions of the runtime that ask for permissions, made to tell when they are refused.
 *
 * @module
 */
import { type Asked, askedByUrl, askedFor } from "./asked_for.ts";

/** Who is told of what hooks do. */
export interface Watch {
  /** A hook tried what it may not. */
  denied(what: string): void;
  /** A hook reached an address, when that is of interest. */
  used: ((address: string) => void) | undefined;
  /** A hook wrote to the console. */
  log(level: string, text: string): void;
}

type Any = (...args: unknown[]) => unknown;

const { NotCapable } = Deno.errors;
const asking = Deno.permissions;
const inspect = Deno.inspect;
/** Redirects followed by one `fetch`. */
const MAX_REDIRECTS = 20;

/** Makes guards that tell `watch`. Called before any code of the module runs. */
export class Guards {
  readonly #watch: Watch;

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** The error for what is refused, which is told. */
  refusal(what: string): Error {
    this.#watch.denied(what);
    return new NotCapable(`${what} is not available to a sandboxed module`);
  }

  /** A function that is refused. */
  refuse(what: string): () => never {
    const refusal = () => this.refusal(what);
    // Not an arrow: `new` is to be refused in the same words.
    return function refused(): never {
      throw refusal();
    };
  }

  /** A function of `Deno`; async ones reject. */
  guard(name: string, original: unknown): Any {
    const isAsync = !/Sync$/.test(name) && (original as Any)?.constructor.name === "AsyncFunction";
    const guarded: Any = (...args) => {
      this.#check(`Deno.${name}`, askedFor(name, args));
      return this.#told(`Deno.${name}`, () => (original as Any)(...args));
    };
    return isAsync ? async (...args) => await guarded(...args) : guarded;
  }

  /** A method of `Deno.env`. */
  guardEnv(name: string): Any {
    const { env } = Deno as unknown as { env: Record<string, Any> };
    const original = env[name]!.bind(env);
    return (variable?: unknown, ...rest) => {
      const whole = variable === undefined;
      this.#check(`Deno.env.${name}`, [{ name: "env", ...(whole ? {} : { variable: String(variable) }) }]);
      return original(variable, ...rest);
    };
  }

  /** A class that connects to the URL that it is made with. */
  guardClass(name: string): unknown {
    const scope = globalThis as unknown as Record<string, new (...args: unknown[]) => object>;
    const guard = new Proxy(scope[name]!, {
      construct: (target, args, newTarget) => {
        const url = urlOf(args[0]);
        if (url !== undefined) this.#check(name, askedByUrl(url));
        return this.#told(name, () => Reflect.construct(target, args, newTarget)) as object;
      },
    });
    // The class itself is not to be had from its instances either.
    Object.defineProperty(scope[name]!.prototype, "constructor", {
      value: guard,
      writable: false,
      configurable: false,
    });
    return guard;
  }

  /** `fetch` that looks at where a redirect leads before it goes there. */
  guardFetch(original: typeof fetch): typeof fetch {
    return async (input, init = {}) => {
      let url = urlOf(input) ?? "";
      const { redirect = input instanceof Request ? input.redirect : "follow" } = init;
      const given = input instanceof Request ? input : undefined;
      if (url !== "") this.#check("fetch", askedByUrl(url));
      if (redirect !== "follow") return await this.#told("fetch", () => original(input, init));
      let response = await this.#told("fetch", () => original(input, { ...init, redirect: "manual" }));
      let method = String(init.method ?? given?.method ?? "GET").toUpperCase();
      const headers = new Headers(init.headers ?? given?.headers);
      const hasBody = (init.body ?? given?.body ?? null) !== null;
      for (let hops = 0; isRedirect(response); hops++) {
        const target = new URL(response.headers.get("location")!, url);
        await response.body?.cancel();
        if (hops >= MAX_REDIRECTS) throw new TypeError(`Cannot fetch "${url}": too many redirects`);
        this.#check(`fetch, redirected to ${target.href}`, askedByUrl(target.href));
        const keeps = response.status === 307 || response.status === 308;
        if (keeps && hasBody) throw new TypeError(`Cannot follow ${response.status} with a body`);
        if (response.status === 303 ? method !== "HEAD" : !keeps && method === "POST") method = "GET";
        if (target.origin !== new URL(url).origin) {
          for (const name of ["authorization", "cookie", "proxy-authorization"]) headers.delete(name);
        }
        for (const name of ["content-length", "content-type", "content-encoding"]) headers.delete(name);
        url = target.href;
        const { body: _, ...rest } = init;
        const signal = init.signal ?? given?.signal ?? null;
        const next = { ...rest, method, headers, signal, redirect: "manual" } as const;
        response = await this.#told("fetch", () => original(url, next));
      }
      return response;
    };
  }

  /** A function of the console: a line in the proxy's log. */
  speak(level: string): Any {
    return (...args) =>
      this.#watch.log(level, args.map((arg) => typeof arg === "string" ? arg : inspect(arg)).join(" "));
  }

  /** Throws when one of these permissions was not granted. */
  #check(what: string, asked: readonly Asked[]): void {
    for (const one of asked) {
      const { name, ...rest } = one as { name: string; host?: string };
      if (rest.host !== undefined) this.#watch.used?.(rest.host);
      if (asking.querySync(one).state === "granted") continue;
      const [value] = Object.values(rest);
      const text = `Requires ${name} access${value === undefined ? "" : ` to "${value}"`}`;
      this.#watch.denied(`${what}: ${text}`);
      throw new NotCapable(`${text}, which a sandboxed module has to declare`);
    }
  }

  /** Calls it, and tells what Deno itself refuses. */
  #told<T>(what: string, call: () => T): T {
    const tell = (error: unknown): unknown => {
      if (error instanceof NotCapable) {
        this.#watch.denied(`${what}: ${error.message.replace(/, run again.*/s, "")}`);
      }
      return error;
    };
    try {
      const result = call();
      return result instanceof Promise ? result.catch((error) => Promise.reject(tell(error))) as T : result;
    } catch (error) {
      throw tell(error);
    }
  }
}

function isRedirect({ status, headers }: Response): boolean {
  return [301, 302, 303, 307, 308].includes(status) && headers.has("location");
}

function urlOf(input: unknown): string | undefined {
  try {
    return new URL(input instanceof Request ? input.url : String(input)).href;
  } catch {
    return undefined;
  }
}
