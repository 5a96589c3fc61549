/**
 * The request that a route would send, as far as its rules decide that.
 *
 * @module
 */
import { HeaderList } from "../http/headers.ts";
import type { RequestHead, Session } from "../proxy/hooks.ts";
import { compose } from "../rules/compose.ts";
import { headers } from "../rules/headers.ts";
import { rewrite } from "../rules/rewrite.ts";
import type { PlannedRoute } from "./plan.ts";

/** The request line and the fields that the upstream would get beside those of the proxy. Hooks are not run. */
export function sentRequest(
  { rules }: PlannedRoute,
  asked: { method: string; target: string; host: string; scheme: string; headers: Headers },
): string[] {
  const fields = new HeaderList([["host", asked.host]]);
  for (const [name, value] of asked.headers) if (name !== "host") fields.append(name, value);
  const request: RequestHead = { method: asked.method, target: asked.target, headers: fields };
  const session = {
    id: "(id)",
    clientAddress: "(client)",
    scheme: asked.scheme,
    request: { ...request, headers: fields.clone() },
  } as unknown as Session;
  const edits = compose([
    ...(rules.headers === undefined ? [] : [headers(rules.headers)]),
    ...(rules.rewrite === undefined ? [] : [rewrite(rules.rewrite)]),
  ]);
  void edits.upstreamRequestFilter?.(session, request, undefined);
  return [
    `${request.method} ${request.target}`,
    ...Array.from(request.headers, ([name, value]) => `${name}: ${value}`),
  ];
}
