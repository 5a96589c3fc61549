/**
 * The admin listener: status page, status as JSON, metrics, health, configuration, and what can be done.
 *
 * @module
 */
import type { AdminState } from "../balance/backend.ts";
import { isOwnHost, isSecret } from "./guard.ts";
import { live } from "./live.ts";
import { page } from "./page.ts";
import { prometheusText } from "./prometheus.ts";
import { Sampler } from "./sampler.ts";
import type { AdminSource } from "./source.ts";
import { statusOf } from "./status.ts";

/** How the admin listener is used. */
export interface AdminOptions {
  /** What actions have to bring along; without it there are none. */
  token?: string | undefined;
  /** Names that it is reached by, beside addresses and `localhost`. */
  hosts?: readonly string[];
  /** The version shown. */
  version: string;
}

/** What an operator can say of a backend. */
const ACTIONS: Readonly<Record<string, AdminState>> = {
  drain: "draining",
  enable: "enabled",
  disable: "disabled",
};
/** An action's form is not larger than that, in bytes. */
const MAX_FORM = 4 * 1024;
const HELP = `GET  / /status.json /events /healthz /readyz /metrics /config
POST /reload /upstreams/GROUP/ADDRESS/drain|enable|disable (Authorization: Bearer TOKEN)`;

/** Answers the requests of operators, monitoring and orchestration. */
export class Admin {
  readonly #source: AdminSource;
  readonly #options: AdminOptions;
  readonly #sampler: Sampler;
  readonly #stopping = new AbortController();

  /** Shows a proxy. */
  constructor(source: AdminSource, options: AdminOptions) {
    this.#source = source;
    this.#options = options;
    this.#sampler = new Sampler(() => source.groups);
  }

  /** Answers a request. */
  readonly handle = async (request: Request): Promise<Response> => {
    const { hosts = [] } = this.#options;
    if (!isOwnHost(request.headers.get("host"), hosts)) {
      return text(
        421,
        "This Host is none of the admin listener's: use its address, or name it in admin.hosts",
      );
    }
    const { pathname } = new URL(request.url);
    if (request.method === "GET" || request.method === "HEAD") return this.#show(pathname);
    if (request.method === "POST") return await this.#act(request, pathname);
    return text(405, "Allowed are GET, HEAD and POST", { allow: "GET, HEAD, POST" });
  };

  /** Ends the streams of those who look on. */
  stop(): void {
    this.#sampler.stop();
    this.#stopping.abort();
  }

  #show(path: string): Response {
    const source = this.#source;
    const status = () => statusOf(source, this.#sampler, this.#options.version);
    const mayAct = this.#options.token !== undefined;
    switch (path) {
      case "/":
      case "/status": {
        const nonce = crypto.randomUUID();
        return new Response(page(status(), mayAct, nonce), { headers: pageHeaders(nonce) });
      }
      case "/status.json":
        return Response.json(status(), { headers: { "cache-control": "no-store" } });
      case "/events":
        return live(status, mayAct, this.#stopping.signal);
      case "/healthz":
        return text(200, "ok");
      case "/readyz":
        return source.draining ? text(503, "stopping") : text(200, "ready");
      case "/metrics":
        return text(200, prometheusText(source, this.#options.version), {
          "content-type": "text/plain; version=0.0.4; charset=utf-8",
        });
      case "/config":
        return new Response(`${JSON.stringify(source.config, null, 2)}\n`, {
          headers: { "content-type": "application/json", "cache-control": "no-store" },
        });
      case "/reload":
      case "/action":
        return text(405, "Allowed is POST", { allow: "POST" });
      default:
        return path.startsWith("/upstreams/")
          ? text(405, "Allowed is POST", { allow: "POST" })
          : text(404, HELP);
    }
  }

  async #act(request: Request, path: string): Promise<Response> {
    const { token } = this.#options;
    if (token === undefined) {
      return text(403, "There is no admin.token in the configuration: nothing can be changed");
    }
    const isForm = path === "/action";
    const form = isForm ? await formOf(request) : undefined;
    if (form === null) return text(413, "The form is too large");
    const given = form?.get("token") ?? bearer(request);
    if (!await isSecret(given, token)) {
      return text(401, "The token is not right", { "www-authenticate": 'Bearer realm="postern"' });
    }
    const words = form !== undefined
      ? form.get("action")?.split(" ") ?? []
      : path === "/reload"
      ? ["reload"]
      : wordsOf(path);
    const answer = await this.#do(words);
    const fromPage = isForm && !request.headers.get("accept")?.includes("text/plain");
    // Without JavaScript the page is loaded again, and shows what came of it.
    return fromPage && answer.status === 200
      ? new Response(null, { status: 303, headers: { location: "./" } })
      : answer;
  }

  async #do([action = "", group = "", address = ""]: readonly string[]): Promise<Response> {
    if (action === "reload") {
      const problem = await this.#source.reload();
      return problem === undefined ? text(200, "reloaded") : text(422, problem);
    }
    const state = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (state === undefined) return text(404, HELP);
    const found = this.#source.groups.find(({ name }) => name === group);
    if (found === undefined) {
      const names = this.#source.groups.map(({ name }) => name).join(", ");
      return text(404, `There is no group "${group}", there are ${names}`);
    }
    if (!found.setAdmin(address, state)) {
      const addresses = found.backends.map(({ label }) => label).join(", ");
      return text(404, `There is no backend "${address}" in "${group}", there are ${addresses}`);
    }
    return text(200, `${address} of ${group} is ${state}`);
  }
}

/** `/upstreams/GROUP/ADDRESS/ACTION` as action, group and address. */
function wordsOf(path: string): string[] {
  const match = /^\/upstreams\/([^/]+)\/(.+)\/([a-z]+)$/.exec(path);
  if (match === null) return [];
  try {
    return [match[3]!, decodeURIComponent(match[1]!), decodeURIComponent(match[2]!)];
  } catch {
    return [];
  }
}

function bearer(request: Request): string {
  return /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
}

/** The fields of a form; null when it is too large. */
async function formOf(request: Request): Promise<URLSearchParams | null> {
  let form = "";
  const decoder = new TextDecoder();
  for await (const chunk of request.body ?? []) {
    form += decoder.decode(chunk, { stream: true });
    if (form.length > MAX_FORM) return null;
  }
  return new URLSearchParams(form);
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(`${body.trimEnd()}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...headers },
  });
}

function pageHeaders(nonce: string): Record<string, string> {
  return {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy":
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  };
}
