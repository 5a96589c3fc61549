/**
 * What a configuration comes to: everything that is needed to run it.
 *
 * @module
 */
import type { LoadBalancer } from "../balance/load_balancer.ts";
import type { ListenerOptions } from "../downstream/listener_options.ts";
import type { BackgroundService, ProxyOptions } from "../proxy/hooks.ts";
import type { RouteMatch, Router } from "../proxy/router.ts";
import type { Config, RouteConfig } from "./schema.ts";

/** A configuration, ready to be run. Paths of files are from where the command runs. */
export interface Plan {
  /** The file that it comes from. */
  readonly file: string;
  /** Where to listen. */
  readonly listeners: readonly PlannedListener[];
  /** The groups of upstreams, by name. */
  readonly groups: ReadonlyMap<string, PlannedGroup>;
  /** The routes, those that are preferred first. */
  readonly routes: readonly PlannedRoute[];
  /** Finds the index of a request's route in {@linkcode Plan.routes}, or -1. */
  readonly router: Router;
  /** The status page, metrics and admin API; undefined for none. */
  readonly admin: PlannedAdmin | undefined;
  /** The logs. */
  readonly logs: PlannedLogs;
  /** State that several replicas share; undefined for none. */
  readonly redis: { readonly url: string; readonly prefix: string } | undefined;
}

/** Where to listen. */
export interface PlannedListener {
  /** For `match.listener`, and the logs. */
  readonly name: string;
  /** `host:port`, `[v6]:port` or `unix:/path`. */
  readonly address: string;
  /** How. */
  readonly options: ListenerOptions;
}

/** A group of upstreams. */
export interface PlannedGroup {
  /** Its name. */
  readonly name: string;
  /** Chooses a member. */
  readonly balancer: LoadBalancer;
  /** Its health checks, unless they are turned off, and its discovery. */
  readonly services: readonly BackgroundService[];
  /** Whether answers have to be passed to `balancer.stick`. */
  readonly isSticky: boolean;
}

/** What becomes of a request. */
export type PlannedAction =
  | { readonly kind: "proxy"; readonly group: PlannedGroup }
  | {
    readonly kind: "respond";
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }
  | { readonly kind: "redirect"; readonly to: string; readonly status: number };

type Rule<Name extends keyof RouteConfig> = Exclude<RouteConfig[Name], false | undefined>;

/** What a route does beside its action, each as `src/rules` takes it: names as in the file, milliseconds, bytes. */
export interface PlannedRules {
  /** Changes the path that the upstream gets. */
  readonly rewrite?: Rule<"rewrite">;
  /** Changes header fields. */
  readonly headers?: Rule<"headers">;
  /** Clients that may ask. */
  readonly allow?: readonly string[];
  /** Clients that may not. */
  readonly deny?: readonly string[];
  /** Asks for a name and a password. */
  readonly basicAuth?: Rule<"basicAuth">;
  /** Asks for a signed token. */
  readonly jwt?: Rule<"jwt">;
  /** Asks a service. */
  readonly forwardAuth?: Rule<"forwardAuth">;
  /** Answers browsers. */
  readonly cors?: Rule<"cors">;
  /** Limits requests; `rate` is for a second. */
  readonly rateLimit?: Rule<"rateLimit">;
  /** Compresses answers. */
  readonly compression?: Exclude<Rule<"compression">, boolean>;
  /** Modules whose hooks run. */
  readonly hooks?: readonly PlannedHook[];
}

/** A module whose hooks run. */
export interface PlannedHook {
  /** Its file. */
  readonly module: string;
  /** Settings of its workers; undefined runs it in this thread. `memory` is in bytes, `timeout` in milliseconds. */
  readonly sandbox: {
    readonly workers: number;
    readonly fail: "closed" | "open";
    readonly timeout: number;
    readonly memory: number;
  } | undefined;
}

/** What tells a module in use from another: the same file may run in this thread for one route, in workers for another. */
export function hookKey({ module, sandbox }: PlannedHook): string {
  return JSON.stringify([module, sandbox ?? null]);
}

/** A route. */
export interface PlannedRoute {
  /** In logs and metrics; unique. */
  readonly name: string;
  /** Its place in the list of the file, from 0. */
  readonly index: number;
  /** Where it stands in the file: `postern.yaml:12`. */
  readonly place: string;
  /** Which requests it is for. */
  readonly match: RouteMatch;
  /** What becomes of them. */
  readonly action: PlannedAction;
  /** Retries, time-outs and limits, as a module has them. */
  readonly options: ProxyOptions;
  /** What else it does, that of `defaults` included. */
  readonly rules: PlannedRules;
}

/** The admin listener. */
export interface PlannedAdmin {
  /** Where it listens. */
  readonly listen: string;
  /** What actions have to bring along; undefined for no actions. */
  readonly token: string | undefined;
  /** Names that it is reached by, beside addresses and `localhost`. */
  readonly hosts: readonly string[];
}

/** The logs. */
export interface PlannedLogs {
  /** The lowest level of the application log. */
  readonly level: NonNullable<NonNullable<Config["logs"]>["level"]>;
  /** The access log. */
  readonly access: {
    readonly format: "common" | "json" | "off";
    /** Its file; undefined for standard output. */
    readonly file?: string;
    /** Statuses, as in `404,5xx`. */
    readonly status?: string;
    /** Milliseconds. */
    readonly slowerThan?: number;
    readonly sample?: number;
    readonly redact?: readonly string[];
    readonly fields?: readonly string[];
  };
}
