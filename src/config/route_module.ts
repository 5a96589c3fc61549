/**
 * What a route does by itself, as a module.
 *
 * @module
 */
import type { ProxyModule } from "../proxy/hooks.ts";
import type { PlannedRoute } from "./plan.ts";

/** Statuses whose answers have no body. */
const BODILESS: readonly number[] = [204, 205, 304];

/**
 * The module of a route's `to` or `respond`, with its options; undefined for a redirection, which is a rule. The
 * services of its group are not in it, as other routes may have the same group.
 */
export function routeModule({ action, options }: PlannedRoute): ProxyModule | undefined {
  switch (action.kind) {
    case "redirect":
      return undefined;
    case "respond": {
      const { status, headers } = action;
      const body = BODILESS.includes(status) ? null : action.body;
      return { options, requestFilter: () => new Response(body, { status, headers }) };
    }
    case "proxy": {
      const { balancer, isSticky } = action.group;
      const module: ProxyModule = { options, upstreams: balancer, upstreamPeer: balancer.select };
      if (isSticky) module.responseFilter = (session, response) => balancer.stick(session, response);
      return module;
    }
  }
}
