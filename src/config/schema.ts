/**
 * The schema of the configuration file.
 *
 * @module
 */
import type * as z from "zod";
import { groupSchema } from "./schema_groups.ts";
import { adminSchema, listenerSchema, logsSchema, redisSchema } from "./schema_listeners.ts";
import { routeSchema } from "./schema_routes.ts";
import { defaultsSchema } from "./schema_rules.ts";
import { key, list, mapping, name, range, section } from "./schema_values.ts";

/** The whole file. What it gives has durations in milliseconds, sizes in bytes and rates for a second. */
export const configSchema = section({
  listeners: list(listenerSchema).min(1, { error: "one listener at least" }).describe("Where to listen"),
  groups: key(mapping(name, groupSchema), "The upstreams, in groups"),
  routes: list(routeSchema).min(1, { error: "one route at least" }).describe(
    "What becomes of requests; the most specific route that matches decides",
  ),
  defaults: key(defaultsSchema, "Settings of every route that does not say otherwise"),
  admin: key(adminSchema, "Status page, metrics and admin API"),
  logs: key(logsSchema, "The application log and the access log"),
  trustedProxies: key(
    list(range),
    "Addresses and ranges of proxies in front, whose X-Forwarded-* and Forwarded are kept (default: none)",
  ),
  redis: key(redisSchema, "State that several replicas share"),
});

/** A configuration, checked and brought to numbers. */
export type Config = z.output<typeof configSchema>;
/** One of its listeners. */
export type ListenerConfig = Config["listeners"][number];
/** One of its groups. */
export type GroupConfig = NonNullable<Config["groups"]>[string];
/** One of its routes. */
export type RouteConfig = Config["routes"][number];
