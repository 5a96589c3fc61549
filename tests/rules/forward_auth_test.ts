import { assertEquals } from "@std/assert";
import { compose } from "../../src/rules/compose.ts";
import { forwardAuth, type ForwardAuthOptions } from "../../src/rules/forward_auth.ts";
import { deadAddress, httpOrigin, rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { requestText, within } from "../support/wire.ts";

function mirror() {
  return httpOrigin((request) => Response.json(Object.fromEntries(request.headers)));
}

function guarded(service: string, address: string, options: Partial<ForwardAuthOptions> = {}) {
  const rule = forwardAuth({ url: `http://${service}/check`, ...options });
  return testProxy(compose([rule, { upstreamPeer: () => ({ address }) }]));
}

Deno.test("the service is asked with what it needs, and what it says of the client goes on", async () => {
  let question: Record<string, string> = {};
  await using service = httpOrigin((request) => {
    question = Object.fromEntries(request.headers);
    return new Response("fine", { headers: { "x-user": "ann", "x-secret": "no" } });
  });
  await using origin = mirror();
  await using proxy = guarded(service.address, origin.address, { copyHeaders: ["X-User", "X-Role"] });
  const answer = await fetch(`${proxy.url}/a?b`, {
    method: "POST",
    body: "body",
    headers: { cookie: "c=1", "x-user": "root", "x_user": "root", "x-role": "admin", "x-private": "kept" },
  });
  const seen = await answer.json();
  assertEquals([seen["x-user"], seen["x_user"], seen["x-role"], seen["x-secret"]], [
    "ann",
    undefined,
    undefined,
    undefined,
  ]);
  const names = ["method", "uri", "proto", "host", "for"].map((name) => `x-forwarded-${name}`);
  assertEquals(names.map((name) => question[name]), ["POST", "/a?b", "http", proxy.address, "127.0.0.1"]);
  assertEquals([question.cookie, question["x-private"]], ["c=1", undefined]);
});

for (
  const [name, refusal, expected] of [
    [
      "a refusal with a body",
      () => new Response("who?", { status: 401, headers: { "www-authenticate": "Basic" } }),
      {
        status: 401,
        body: "who?",
        "www-authenticate": "Basic",
      },
    ],
    [
      "a redirection to a login, with cookies",
      () =>
        new Response(null, {
          status: 302,
          headers: [["location", "https://login.example/"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]],
        }),
      { status: 302, body: "", location: "https://login.example/", "set-cookie": "a=1, b=2" },
    ],
    ["a long body, cut", () => new Response("x".repeat(100_000), { status: 403 }), {
      status: 403,
      body: "x".repeat(65_536),
    }],
  ] as [string, () => Response, Record<string, unknown>][]
) {
  Deno.test(`${name} is what the client gets, and the upstream is not asked`, async () => {
    await using service = httpOrigin(refusal);
    await using origin = mirror();
    await using proxy = guarded(service.address, origin.address);
    const answer = await fetch(proxy.url, { redirect: "manual" });
    const { status, body, ...fields } = expected;
    assertEquals([answer.status, await answer.text()], [status, body]);
    for (const [field, value] of Object.entries(fields)) assertEquals(answer.headers.get(field), value);
    assertEquals(origin.connections, 0);
  });
}

Deno.test("a service that is not there, or takes too long, is a 503", async () => {
  await using origin = mirror();
  {
    await using proxy = guarded(deadAddress(), origin.address);
    const answer = await fetch(proxy.url);
    await answer.body?.cancel();
    assertEquals(answer.status, 503);
  }
  const due = Promise.withResolvers<void>();
  await using service = httpOrigin(async () => {
    await due.promise;
    return new Response();
  });
  await using proxy = guarded(service.address, origin.address, { timeout: 100 });
  const answer = await fetch(proxy.url);
  await answer.body?.cancel();
  due.resolve();
  assertEquals([answer.status, origin.connections], [503, 0]);
});

Deno.test("a client that leaves while the service is asked has it asked no more", async () => {
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await using service = httpOrigin((request) => {
    asked.resolve();
    return new Promise((resolve) =>
      request.signal.addEventListener("abort", () => {
        left.resolve();
        resolve(new Response());
      })
    );
  });
  await using origin = mirror();
  await using proxy = guarded(service.address, origin.address);
  const client = await rawClient(proxy.address);
  await client.write(requestText("GET", "/"));
  await within(asked.promise, "the question");
  client.close();
  await within(left.promise, "the question to be given up", 2_000);
  assertEquals((await proxy.ended(1)).status, 499);
});

Deno.test("a field whose own name has an underscore cannot be set by clients either", async () => {
  await using service = httpOrigin(() => new Response());
  await using origin = mirror();
  await using proxy = guarded(service.address, origin.address, { copyHeaders: ["x_role"] });
  for (const name of ["x_role", "X-Role"]) {
    const seen = await (await fetch(proxy.url, { headers: { [name]: "admin" } })).json();
    assertEquals([seen["x_role"], seen["x-role"]], [undefined, undefined]);
  }
});

Deno.test("a refusal that breaks off or stalls is a 503", async () => {
  const parts = "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nonly this";
  for (const stalls of [false, true]) {
    await using service = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(parts);
      if (stalls) await connection.closed();
    });
    await using origin = mirror();
    await using proxy = guarded(service.address, origin.address, { timeout: 300 });
    const answer = await fetch(proxy.url);
    await answer.body?.cancel();
    assertEquals([answer.status, origin.connections], [503, 0]);
  }
});
