/**
 * What the admin listener shows, and what it can do.
 *
 * @module
 */
import type { LoadBalancer } from "../balance/load_balancer.ts";
import type { Counters } from "../observe/counters.ts";
import type { HookMetrics } from "../observe/hook_metrics.ts";
import type { Metrics } from "../observe/metrics.ts";

/** A route, for people. */
export interface ShownRoute {
  /** Its name. */
  readonly name: string;
  /** What it takes, in words. */
  readonly match: string;
  /** What it does, in words. */
  readonly action: string;
  /** The group that it sends requests to, "" for none. */
  readonly group: string;
}

/** A hook module, for people. */
export interface ShownModule {
  /** Its name or path. */
  readonly name: string;
  /** The hooks that it has. */
  readonly hooks: readonly string[];
  /** Whether they run in workers of their own. */
  readonly sandboxed: boolean;
  /** The addresses that it may reach. */
  readonly net: readonly string[];
  /** What else it may do, in the words of Deno's flags. */
  readonly permissions: readonly string[];
}

/** How loading the configuration went. */
export interface Reloads {
  /** Times that it was taken over, the first included. */
  readonly succeeded: number;
  /** Times that it was not. */
  readonly failed: number;
  /** When it was last taken over, in milliseconds since 1970. */
  readonly succeededAt: number;
  /** Why it was not, the last time that it was tried; "" when it was. */
  readonly problem: string;
}

/** A running proxy, as the admin listener sees it. Everything is asked for anew at every look. */
export interface AdminSource {
  /** When the process started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** What the requests add up to. */
  readonly metrics: Metrics;
  /** Counts since the start. */
  readonly counters: Counters;
  /** Upstream connections that are open and unused. */
  readonly idleConnections: number;
  /** Where it listens. */
  readonly listeners: readonly { name: string; address: string }[];
  /** The groups of upstreams. */
  readonly groups: readonly LoadBalancer[];
  /** The routes, those that are looked at first coming first. */
  readonly routes: readonly ShownRoute[];
  /** The hook modules. */
  readonly modules: readonly ShownModule[];
  /** What the hooks cost. */
  readonly hooks: readonly HookMetrics[];
  /** How loading the configuration went. */
  readonly reloads: Reloads;
  /** The configuration in use, complete, without secrets. */
  readonly config: unknown;
  /** Tells the present configuration from others. */
  readonly version: string;
  /** Whether it is stopping. */
  readonly draining: boolean;
  /** Loads the configuration again; what was wrong with it, or undefined. */
  reload(): Promise<string | undefined>;
}
