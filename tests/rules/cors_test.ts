import { assertEquals, assertThrows } from "@std/assert";
import { access } from "../../src/rules/access.ts";
import { compose } from "../../src/rules/compose.ts";
import { cors, type CorsOptions } from "../../src/rules/cors.ts";
import { cannedOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { requestText, responseText } from "../support/wire.ts";

const UPSTREAM = responseText(
  "hi",
  "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Max-Age: 9\r\n" +
    "Vary: Accept\r\n",
);

/** What the answer says of `access-control-*` and `vary`. */
function told(answer: string): Record<string, string> {
  const names = ["allow-origin", "allow-credentials", "allow-methods", "allow-headers"];
  const all = [...names, "expose-headers", "max-age"].map((name) => `access-control-${name}`).concat("vary");
  return Object.fromEntries(
    all.map((name) => [name.replace("access-control-", ""), valuesOf(answer, name).join(", ")] as const)
      .filter(([, value]) => value !== ""),
  );
}

const listed: CorsOptions = {
  origins: ["https://a.example", "https://B.example:443"],
  methods: ["GET", "PUT"],
  headers: ["x-a", "content-type"],
  exposeHeaders: ["x-b"],
  credentials: true,
  maxAge: 600_000,
};
const ANY: CorsOptions = { origins: ["*"] };
const PREFLIGHT = "Access-Control-Request-Method: PUT\r\n";

const CASES: [string, CorsOptions, method: string, lines: string, status: number, Record<string, string>][] =
  [
    ["a preflight", listed, "OPTIONS", `Origin: https://a.example\r\n${PREFLIGHT}`, 204, {
      "allow-origin": "https://a.example",
      "allow-credentials": "true",
      "allow-methods": "GET, PUT",
      "allow-headers": "x-a, content-type",
      "max-age": "600",
      vary: "Origin",
    }],
    ["a preflight of another origin", listed, "OPTIONS", `Origin: https://c.example\r\n${PREFLIGHT}`, 204, {
      vary: "Origin",
    }],
    ["a preflight to all", ANY, "OPTIONS", `Origin: null\r\n${PREFLIGHT}`, 204, {
      "allow-origin": "*",
      "allow-methods": "GET, HEAD, POST",
    }],
    ["OPTIONS that is no preflight", ANY, "OPTIONS", "Origin: https://a.example\r\n", 200, {
      "allow-origin": "*",
      vary: "Accept",
    }],
    ["a request", listed, "GET", "Origin: https://b.example\r\n", 200, {
      "allow-origin": "https://b.example",
      "allow-credentials": "true",
      "expose-headers": "x-b",
      vary: "Accept, Origin",
    }],
    ["a request of another origin", listed, "GET", "Origin: https://a.example.evil\r\n", 200, {
      vary: "Accept, Origin",
    }],
    ["a request of no origin", listed, "GET", "", 200, { vary: "Accept, Origin" }],
    ["null that is not listed", listed, "GET", "Origin: null\r\n", 200, { vary: "Accept, Origin" }],
    ["null that is listed", { origins: ["null"] }, "GET", "Origin: null\r\n", 200, {
      "allow-origin": "null",
      vary: "Accept, Origin",
    }],
  ];

for (const [name, options, method, lines, status, expected] of CASES) {
  Deno.test(`CORS: ${name}, whatever the upstream says`, async () => {
    await using origin = cannedOrigin(UPSTREAM);
    await using proxy = testProxy(compose([cors(options), {
      upstreamPeer: () => ({ address: origin.address }),
    }]));
    const answer = await send(proxy.address, requestText(method, "/", lines));
    assertEquals([statusOf(answer), told(answer)], [status, expected]);
  });
}

Deno.test("CORS: a refusal by a rule further on can be read by scripts", async () => {
  await using proxy = testProxy(compose([cors(listed), access({ allow: [] })]));
  const answer = await send(proxy.address, requestText("GET", "/", "Origin: https://a.example\r\n"));
  assertEquals([statusOf(answer), told(answer)["allow-origin"]], [403, "https://a.example"]);
});

Deno.test("CORS: what browsers would refuse is refused at the start", () => {
  const credentials = true;
  assertThrows(() => cors({ origins: ["*"], credentials }), RangeError, 'origins "*" with credentials');
  assertThrows(() => cors({ origins: ["https://a"], headers: ["*"], credentials }), RangeError, "headers");
  assertThrows(() => cors({ origins: ["https://a/b"] }), RangeError, '"https://a/b"');
  assertThrows(() => cors({ origins: ["a.example"] }), RangeError, "expected");
});
