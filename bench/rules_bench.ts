// The hooks of five rules as those of one module, for a request and its response.
import { HeaderList } from "../src/http/headers.ts";
import type { ProxyModule, Session } from "../src/proxy/hooks.ts";
import { access } from "../src/rules/access.ts";
import { compose } from "../src/rules/compose.ts";
import { cors } from "../src/rules/cors.ts";
import { headers } from "../src/rules/headers.ts";
import { LocalLimits } from "../src/rules/limits.ts";
import { rateLimit } from "../src/rules/rate_limit.ts";
import { rewrite } from "../src/rules/rewrite.ts";

const peer = { address: "127.0.0.1:1" };
const last: ProxyModule = { upstreamPeer: () => peer };
const idle = (): ProxyModule => ({
  requestFilter: () => {},
  upstreamRequestFilter: () => {},
  responseFilter: () => {},
});

function one(module: ProxyModule): () => void {
  const request = {
    method: "GET",
    target: "/api/users?page=2",
    headers: new HeaderList([["host", "a"], ["accept", "*/*"], ["user-agent", "curl"]]),
  };
  const session = { id: "1", clientAddress: "192.0.2.1", scheme: "https", request } as unknown as Session;
  return () => {
    const context = module.newContext?.();
    if (module.requestFilter?.(session, context) !== undefined) throw new Error("it answered");
    module.upstreamPeer!(session, context);
    const outgoing = { method: "GET", target: request.target, headers: request.headers.clone() };
    module.upstreamRequestFilter?.(session, outgoing, context);
    const headers = new HeaderList([["content-type", "text/plain"], ["server", "x"]]);
    module.responseFilter?.(session, { status: 200, headers }, context);
  };
}

Deno.bench("no rules", one(last));
Deno.bench("five rules that do nothing", one(compose([idle(), idle(), idle(), idle(), idle(), last])));
Deno.bench(
  "cors, access, rate limit, rewrite, headers",
  one(compose([
    cors({ origins: ["https://a.example"] }),
    access({ allow: ["192.0.2.0/24"], deny: ["10.0.0.0/8"] }),
    rateLimit({ rate: 1e9 }, { route: "r", store: new LocalLimits() }),
    rewrite({ stripPrefix: "/api" }),
    headers({ request: { set: { "x-client": "{client}" } }, response: { remove: ["server"] } }),
    last,
  ])),
);
for (
  const [name, rule] of Object.entries({
    cors: cors({ origins: ["https://a.example"] }),
    access: access({ allow: ["192.0.2.0/24"], deny: ["10.0.0.0/8"] }),
    "rate limit": rateLimit({ rate: 1e9 }, { route: "r", store: new LocalLimits() }),
    rewrite: rewrite({ stripPrefix: "/api" }),
    headers: headers({ request: { set: { "x-client": "{client}" } }, response: { remove: ["server"] } }),
  })
) Deno.bench(`${name} alone`, one(compose([rule, last])));
