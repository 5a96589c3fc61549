import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { compose } from "../../src/rules/compose.ts";
import { headers } from "../../src/rules/headers.ts";
import { jwt, type JwtOptions } from "../../src/rules/jwt.ts";
import { httpOrigin } from "../support/origin.ts";
import { e2e, tempFolder } from "../support/process.ts";
import { testProxy } from "../support/proxy.ts";

const keys = await generateKeyPair("RS256", { extractable: true });
const others = await generateKeyPair("RS256", { extractable: true });
const publicJwk: JWK = { ...await exportJWK(keys.publicKey), kid: "one", alg: "RS256" };
const pem = await exportSPKI(keys.publicKey);
const SECRET = "a secret of thirty-two characters or more";

function token(
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key = keys.privateKey,
) {
  return new SignJWT({ iss: "me", aud: "you", ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "one", ...header })
    .setExpirationTime((claims.exp as number) ?? "1h").sign(key);
}

/** A token as text, signed by nobody. */
function unsigned(header: object, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(claims)}.`;
}

/** A service that has the set of keys. */
function keyServer(set: () => JWK[]) {
  let asked = 0;
  const origin = httpOrigin(() => {
    asked++;
    return Response.json({ keys: set() });
  });
  return Object.assign(origin, {
    url: `http://${origin.address}/jwks`,
    asked: () => asked,
  });
}

/** An origin that gives back what it got. */
function mirror() {
  return httpOrigin((request) => Response.json(Object.fromEntries(request.headers)));
}

async function ask(
  options: JwtOptions,
  fields: Record<string, string>,
): Promise<[number, Record<string, string>]> {
  await using origin = mirror();
  const rule = await jwt(options);
  const edit = headers({ request: { set: { "x-template": "{jwt.sub}" } } });
  await using proxy = testProxy(compose([rule, edit, { upstreamPeer: () => ({ address: origin.address }) }]));
  const answer = await fetch(proxy.url, { headers: fields });
  const text = await answer.text();
  return answer.status === 200
    ? [200, JSON.parse(text)]
    : [answer.status, { error: answer.headers.get("www-authenticate") ?? "" }];
}

const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const hour = () => Math.floor(Date.now() / 1000) + 3_600;

for (
  const { name, make, options = {}, expected, error = "" } of [
    { name: "a good token", make: () => token(), expected: 200 },
    { name: "no token", make: () => undefined, expected: 401, error: "Bearer" },
    { name: "a token of another key", make: () => token({}, {}, others.privateKey), expected: 401 },
    { name: "a token of a key that is not in the set", make: () => token({}, { kid: "two" }), expected: 401 },
    { name: "an expired token", make: () => token({ exp: hour() - 3_700 }), expected: 401 },
    { name: "one that is barely expired", make: () => token({ exp: hour() - 3_605 }), expected: 200 },
    { name: "a token for later", make: () => token({ nbf: hour() }), expected: 401 },
    {
      name: "a token of another issuer",
      make: () => token({ iss: "them" }),
      options: { issuer: "me" },
      expected: 401,
    },
    {
      name: "a token for others",
      make: () => token({ aud: "them" }),
      options: { audience: ["you"] },
      expected: 401,
    },
    {
      name: "a token that nobody signed",
      make: () => Promise.resolve(unsigned({ alg: "none" }, { exp: hour() })),
      expected: 401,
    },
    {
      name: "a token signed with the public key as a secret",
      make: () =>
        new SignJWT({}).setProtectedHeader({ alg: "HS256", kid: "one" }).setExpirationTime("1h").sign(
          new TextEncoder().encode(pem),
        ),
      expected: 401,
    },
    { name: "nonsense", make: () => Promise.resolve("a.b.c"), expected: 401 },
    { name: "a token that is too long", make: () => token({ x: "x".repeat(10_000) }), expected: 401 },
    {
      name: "a token with the claims",
      make: () => token({ role: "admin" }),
      options: { claims: { role: "admin" } },
      expected: 200,
    },
    {
      name: "a list that holds the claim",
      make: () => token({ role: ["a", "admin"] }),
      options: { claims: { role: "admin" } },
      expected: 200,
    },
    {
      name: "a token without the claims",
      make: () => token({ role: "user" }),
      options: { claims: { role: "admin" } },
      expected: 403,
      error: 'Bearer error="insufficient_scope"',
    },
  ] as {
    name: string;
    make: () => Promise<string> | undefined;
    options?: JwtOptions;
    expected: number;
    error?: string;
  }[]
) {
  Deno.test(`${name} is ${expected}`, async () => {
    await using server = keyServer(() => [publicJwk]);
    const text = await make();
    const [status, rest] = await ask(
      { jwks: server.url, ...options },
      text === undefined ? {} : bearer(text),
    );
    assertEquals(status, expected);
    if (status === 401) assertEquals(rest.error, error || 'Bearer error="invalid_token"');
    if (status === 403) assertEquals(rest.error, error);
  });
}

Deno.test("claims are forwarded, and what clients send in their place is taken out, however it is spelt", async () => {
  await using server = keyServer(() => [publicJwk]);
  const options = { jwks: server.url, forward: { sub: "x-user", groups: "x-groups" } };
  const spoofed = { "X-User": "root", "x_user": "root", "X-GROUPS": "wheel", "x-other": "stays" };
  const [status, seen] = await ask(options, { ...bearer(await token({ sub: "a\r\nb: c ü" })), ...spoofed });
  assertEquals(status, 200);
  assertEquals(
    [seen["x-user"], seen["x_user"], seen["x-groups"], seen["x-other"]],
    ["a  b: c %C3%BC", undefined, undefined, "stays"],
  );
  assertEquals(seen["x-template"]?.startsWith("a"), true);
});

Deno.test("a token comes in a cookie or a field of its own", async () => {
  await using server = keyServer(() => [publicJwk]);
  const text = await token();
  assertEquals(
    (await ask({ jwks: server.url, cookie: "session" }, { cookie: `a=b; session=${text}` }))[0],
    200,
  );
  assertEquals((await ask({ jwks: server.url, cookie: "session" }, bearer(text)))[0], 401);
  assertEquals((await ask({ jwks: server.url, header: "x-token" }, { "x-token": text }))[0], 200);
});

Deno.test("keys are asked for once, and again when one is not known", async () => {
  const second: JWK = { ...await exportJWK(others.publicKey), kid: "two", alg: "RS256" };
  let set = [publicJwk];
  await using server = keyServer(() => set);
  const rule = await jwt({ jwks: server.url });
  await using proxy = testProxy(compose([rule, { requestFilter: () => new Response("in") }]));
  const status = async (text: string) => {
    const answer = await fetch(proxy.url, { headers: bearer(text) });
    await answer.body?.cancel();
    return answer.status;
  };
  const texts = await Promise.all(Array.from({ length: 10 }, (_, i) => token({ n: i })));
  assertEquals(await Promise.all(texts.map(status)), texts.map(() => 200));
  assertEquals(server.asked(), 1);
  set = [publicJwk, second];
  // It was asked a moment ago: an unknown key does not make it be asked for every token.
  for (let i = 0; i < 5; i++) assertEquals(await status(await token({ n: i }, { kid: "no" })), 401);
  assertEquals(server.asked() <= 2, true);
});

Deno.test("when the keys cannot be had, it is 503 and no fault of the client", async () => {
  const server = keyServer(() => [publicJwk]);
  const { url } = server;
  await server[Symbol.asyncDispose]();
  assertEquals((await ask({ jwks: url }, bearer(await token())))[0], 503);
});

e2e(
  "a key comes from a file: a public key verifies no secret's signature, and a secret no public key's",
  async () => {
    using folder = tempFolder();
    const publicFile = folder.write("key.pem", pem);
    const secretFile = folder.write("secret", SECRET);
    const withSecret = await new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h")
      .sign(new TextEncoder().encode(SECRET));
    const confused = await new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h")
      .sign(new TextEncoder().encode(pem.trim()));
    assertEquals((await ask({ key: publicFile }, bearer(await token())))[0], 200);
    assertEquals((await ask({ key: publicFile }, bearer(confused)))[0], 401);
    assertEquals((await ask({ key: secretFile }, bearer(withSecret)))[0], 200);
    assertEquals((await ask({ key: secretFile }, bearer(await token())))[0], 401);
    await assertRejects(
      () => jwt({ key: publicFile, algorithms: ["HS256"] }),
      RangeError,
      "Cannot verify HS256",
    );
    await assertRejects(() => jwt({ key: folder.write("short", "too short") }), RangeError, "fewer than 32");
    await assertRejects(() => jwt({}), RangeError, "found neither");
  },
);

Deno.test("a field whose own name has an underscore cannot be set by clients either", async () => {
  await using server = keyServer(() => [publicJwk]);
  const options = { jwks: server.url, forward: { role: "x_role" } };
  for (const name of ["x_role", "X-Role", "X_ROLE"]) {
    const [status, seen] = await ask(options, { ...bearer(await token()), [name]: "admin" });
    assertEquals([status, seen["x_role"], seen["x-role"]], [200, undefined, undefined]);
  }
});

Deno.test("a claim that is no whole text is escaped", async () => {
  await using server = keyServer(() => [publicJwk]);
  const options = { jwks: server.url, forward: { sub: "x-user" } };
  const [status, seen] = await ask(options, bearer(await token({ sub: "a\ud800" })));
  assertEquals([status, seen["x-user"]], [200, "a%EF%BF%BD"]);
});

Deno.test("a key server that answers nonsense is 503", async () => {
  await using server = keyServer(() => "none" as unknown as JWK[]);
  assertEquals((await ask({ jwks: server.url }, bearer(await token())))[0], 503);
});
