/**
 * Which module answers a request.
 *
 * @module
 */
import type { FrontRequest } from "../downstream/front.ts";
import type { ProxyModule } from "./hooks.ts";

/** A module that answers some of the requests. */
export interface Route {
  /** Named in the logs and metrics; "" for the only one of a proxy without routes. */
  readonly name: string;
  /** Its hooks and settings; `listen` and `listener` are not heeded. */
  readonly module: ProxyModule;
}

/** All modules of a proxy. */
export interface Routes {
  /** The modules. */
  readonly routes: readonly Route[];
  /**
   * The index of the route for a request; one that breaks a rule (`refused`) has to have one as well.
   *
   * @param listener The name of the listener that it came by
   */
  find(request: FrontRequest, listener: string): number;
}

/** One module for all requests. */
export function onlyRoute(module: ProxyModule): Routes {
  return { routes: [{ name: "", module }], find: () => 0 };
}
