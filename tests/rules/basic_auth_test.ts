import { assertEquals, assertRejects } from "@std/assert";
import { basicAuth } from "../../src/rules/basic_auth.ts";
import { compose } from "../../src/rules/compose.ts";
import { httpOrigin } from "../support/origin.ts";
import { e2e, tempFolder } from "../support/process.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";
import { requestText } from "../support/wire.ts";

/** The hash of "secret", of the least cost. */
const HASH = "$2b$04$B5hfFo0hy9S0bgetrqBP0.EZuGVWbltz8gcKADjOS7nrNevy1ozim";
const basic = (text: string) => `Basic ${btoa(text)}`;

async function guarded(address: string) {
  const rule = await basicAuth({ realm: "here", users: { user: HASH } });
  return testProxy(compose([rule, { upstreamPeer: () => ({ address }) }]));
}

for (
  const [name, lines, status] of [
    ["the right password", `Authorization: ${basic("user:secret")}\r\n`, 200],
    ["the scheme in small letters", `Authorization: basic ${btoa("user:secret")}\r\n`, 200],
    ["nothing", "", 401],
    ["a wrong password", `Authorization: ${basic("user:Secret")}\r\n`, 401],
    ["an unknown user", `Authorization: ${basic("nobody:secret")}\r\n`, 401],
    ["the name of a field of objects", `Authorization: ${basic("toString:secret")}\r\n`, 401],
    ["no colon", `Authorization: ${basic("user")}\r\n`, 401],
    ["what is no base64", "Authorization: Basic !!!\r\n", 401],
    ["another scheme", "Authorization: Bearer abc\r\n", 401],
    [
      "two fields",
      `Authorization: ${basic("user:secret")}\r\nAuthorization: ${basic("user:secret")}\r\n`,
      401,
    ],
    ["a field that is too long", `Authorization: ${basic(`user:${"x".repeat(2_000)}`)}\r\n`, 401],
  ] as const
) {
  Deno.test(`who brings ${name} gets ${status}, and the upstream no password`, async () => {
    const seen: (string | null)[] = [];
    await using origin = httpOrigin((request) => {
      seen.push(request.headers.get("authorization"));
      return new Response("in");
    });
    await using proxy = await guarded(origin.address);
    const answer = await send(proxy.address, requestText("GET", "/", lines));
    assertEquals([statusOf(answer), seen], [status, status === 200 ? [null] : []]);
    assertEquals(
      /www-authenticate: (.+)\r/i.exec(answer)?.[1],
      status === 200 ? undefined : 'Basic realm="here", charset="UTF-8"',
    );
  });
}

Deno.test("what was right once is not hashed again, and many at once are hashed once", async () => {
  // Costs some tenths of a second each time.
  const slow = (await import("bcryptjs")).default.hashSync("secret", 11);
  const rule = await basicAuth({ users: { user: slow } });
  await using proxy = testProxy(compose([rule, { requestFilter: () => new Response("in") }]));
  const ask = async () => {
    const answer = await fetch(proxy.url, { headers: { authorization: basic("user:secret") } });
    return `${answer.status} ${await answer.text()}`;
  };
  const begun = performance.now();
  const first = await ask();
  const one = performance.now() - begun;
  const again = performance.now();
  const others = await Promise.all(Array.from({ length: 50 }, ask));
  assertEquals([first, ...others], Array.from({ length: 51 }, () => "200 in"));
  assertEquals(performance.now() - again < 25 * one, true);
});

Deno.test("more passwords than can be checked at a time are turned away rather than piled up", async () => {
  const rule = await basicAuth({ users: { user: HASH.replace("$04$", "$09$") } });
  await using proxy = testProxy(compose([rule, { requestFilter: () => new Response("in") }]));
  const answers = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
    const answer = await fetch(proxy.url, { headers: { authorization: basic(`user:${i}`) } });
    await answer.body?.cancel();
    return answer.status;
  }));
  assertEquals(new Set(answers), new Set([401, 503]));
});

Deno.test("a rule without users lets nobody be checked, and is refused", async () => {
  await assertRejects(() => basicAuth({}), RangeError, "has no users");
});

e2e("users come from a file of htpasswd too, whose bad lines are told", async () => {
  using folder = tempFolder();
  const file = folder.write("users", `# people\nuser:${HASH.replace("$2b$", "$2y$")}\n\n`);
  const rule = await basicAuth({ file });
  await using proxy = testProxy(compose([rule, { requestFilter: () => new Response("in") }]));
  const answer = await fetch(proxy.url, { headers: { authorization: basic("user:secret") } });
  assertEquals(await answer.text(), "in");
  const bad = folder.write("bad", `user:${HASH}\nother:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n`);
  await assertRejects(() => basicAuth({ file: bad }), RangeError, `${bad}:2 is no NAME:HASH`);
});
