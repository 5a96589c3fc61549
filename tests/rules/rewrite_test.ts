import { assertEquals } from "@std/assert";
import { compose } from "../../src/rules/compose.ts";
import { rewrite, type RewriteOptions } from "../../src/rules/rewrite.ts";
import { rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";
import { requestText, responseText } from "../support/wire.ts";

const CASES: [options: RewriteOptions, target: string, expected: string][] = [
  [{ stripPrefix: "/api" }, "/api/users?a=b", "/users?a=b"],
  [{ stripPrefix: "/api" }, "/api", "/"],
  [{ stripPrefix: "/api" }, "/api?a", "/?a"],
  [{ stripPrefix: "/api" }, "/apis/x", "/apis/x"],
  [{ stripPrefix: "/api" }, "/other", "/other"],
  [{ stripPrefix: "/api/" }, "/api/users", "/users"],
  [{ stripPrefix: "/" }, "/a", "/a"],
  [{ stripPrefix: "/api" }, "/%61pi/users", "/users"],
  [{ addPrefix: "/v2" }, "/users?x", "/v2/users?x"],
  [{ addPrefix: "/v2/" }, "/", "/v2/"],
  [{ stripPrefix: "/v1", addPrefix: "/v2" }, "/v1/a", "/v2/a"],
  [{ path: "/index.html" }, "/a/b?c", "/index.html?c"],
  [{ replace: { pattern: "^/u/(\\d+)$", with: "/users/$1" } }, "/u/7?q", "/users/7?q"],
  [{ replace: { pattern: "^/u/(\\d+)$", with: "/users/$1" } }, "/u/x", "/u/x"],
  [{ replace: { pattern: "^/", with: "" } }, "/a", "/a"],
  [{ replace: { pattern: "x", with: "?#\u00fc" } }, "/x", "/%3F%23%C3%BC"],
  [{ replace: { pattern: "x", with: ".." } }, "/a/x/b", "/b"],
];

for (const [options, target, expected] of CASES) {
  Deno.test(`${JSON.stringify(options)} makes ${expected} of ${target}`, async () => {
    let seen = "";
    let logged = "";
    await using origin = rawOrigin(async (connection) => {
      seen = (await connection.readHead())!;
      await connection.write(responseText(""));
    });
    await using proxy = testProxy(compose([rewrite(options), {
      upstreamPeer: () => ({ address: origin.address }),
      logging: (session) => void (logged = session.request.target),
    }]));
    assertEquals(statusOf(await send(proxy.address, requestText("GET", target))), 200);
    await proxy.ended(1);
    assertEquals(seen.split(" ")[1], expected);
    assertEquals(logged, target.replace("%61", "a"));
  });
}

Deno.test("OPTIONS * stays what it is", () => {
  const request = { target: "*" };
  rewrite({ addPrefix: "/a" }).upstreamRequestFilter!({} as never, request as never, undefined);
  assertEquals(request.target, "*");
});
