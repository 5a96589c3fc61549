/**
 * What a route of a configuration does, as the parts of a module.
 *
 * @module
 */
import { routeModule } from "../config/route_module.ts";
import type { PlannedRoute } from "../config/plan.ts";
import type { ProxyModule } from "../proxy/hooks.ts";
import { access } from "../rules/access.ts";
import { basicAuth } from "../rules/basic_auth.ts";
import { cors } from "../rules/cors.ts";
import { forwardAuth } from "../rules/forward_auth.ts";
import { headers } from "../rules/headers.ts";
import { jwt } from "../rules/jwt.ts";
import type { LimitStore } from "../rules/limits.ts";
import { rateLimit } from "../rules/rate_limit.ts";
import { realClient } from "../rules/real_client.ts";
import { redirect } from "../rules/redirect.ts";
import { rewrite } from "../rules/rewrite.ts";
import type { Rule } from "../rules/rule.ts";

/** Where limits are counted. */
export interface Stores {
  /** In this process. */
  readonly local: LimitStore;
  /** For all replicas; undefined without Redis. */
  readonly shared: LimitStore | undefined;
}

/**
 * The parts, the outermost first: what marks answers, then what lets requests in, the hooks, and at last what answers.
 *
 * @throws {Error} that names the route and the rule that cannot be used
 */
export async function routeParts(
  route: PlannedRoute,
  hooks: readonly ProxyModule[],
  { local, shared }: Stores,
): Promise<Rule[]> {
  const { name, place, action, rules } = route;
  const store = rules.rateLimit?.shared ? shared ?? local : local;
  const clientOf = realClient(route.options.trustedProxies ?? []);
  const made: (Rule | Promise<Rule> | undefined | false)[] = [
    rules.cors && cors(rules.cors),
    rules.headers && headers(rules.headers, clientOf),
    (rules.allow ?? rules.deny) !== undefined && access(rules, clientOf),
    rules.rateLimit && rateLimit(rules.rateLimit, { route: name, store, clientOf }),
    rules.basicAuth && basicAuth(rules.basicAuth),
    rules.jwt && jwt(rules.jwt),
    rules.forwardAuth && forwardAuth(rules.forwardAuth),
    ...hooks,
    rules.rewrite && rewrite(rules.rewrite),
    action.kind === "redirect" ? redirect(action) : routeModule(route),
  ];
  try {
    const parts = await Promise.all(made);
    return parts.filter((part): part is Rule => part !== undefined && part !== false);
  } catch (error) {
    throw new Error(`${place}: route ${name}: ${(error as Error).message}`, { cause: error });
  }
}
