import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LoadBalancer } from "../../src/mod.ts";
import { adminSource, testAdmin } from "../support/admin.ts";
import { peerAt } from "../support/group.ts";
import { send, statusOf } from "../support/send.ts";

const TOKEN = "correct horse";

function web(): LoadBalancer {
  return new LoadBalancer([peerAt(1), peerAt(2)], { name: "web" });
}

async function get(url: string, init?: RequestInit): Promise<[number, string]> {
  const answer = await fetch(url, { redirect: "manual", ...init });
  return [answer.status, await answer.text()];
}

Deno.test("the page shows every group, backend, route, module and failure without JavaScript", async () => {
  const group = web();
  group.backends[0]!.healthy = false;
  group.backends[0]!.cause = "connection refused <script>";
  await using admin = testAdmin(adminSource({
    groups: [group],
    routes: [{ name: "api", match: "/api/*", action: "to web", group: "web" }],
    modules: [{
      name: "./auth.ts",
      hooks: ["requestFilter"],
      sandboxed: true,
      net: ["a:1"],
      permissions: [],
    }],
  }));
  const [status, page] = await get(admin.url);
  assertEquals(status, 200);
  for (const text of ["127.0.0.1:1", "DOWN", "127.0.0.1:2", "/api/*", "./auth.ts", "net=a:1"]) {
    assertStringIncludes(page, text);
  }
  assertStringIncludes(page, "connection refused &#60;script&#62;");
  assert(!/(?:src|href)="?(?:https?:)?\/\//.test(page), "nothing comes from elsewhere");
});

for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "a@127.0.0.1"]) {
  Deno.test(`a page whose name ${host} was made to lead here learns nothing`, async () => {
    await using admin = testAdmin(adminSource());
    const address = admin.url.slice("http://".length);
    const answer = await send(address, `GET /config HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert([400, 421].includes(statusOf(answer)), answer);
  });
}

Deno.test("a name that the configuration has is as good as an address", async () => {
  await using admin = testAdmin(adminSource());
  const address = admin.url.slice("http://".length);
  const request = "GET /healthz HTTP/1.1\r\nHost: admin.example:99\r\nConnection: close\r\n\r\n";
  assertEquals(statusOf(await send(address, request)), 200);
});

Deno.test("a backend is drained, enabled and disabled with the token, and only by POST", async () => {
  const group = web();
  await using admin = testAdmin(adminSource({ groups: [group] }), TOKEN);
  const path = `${admin.url}/upstreams/web/127.0.0.1:2`;
  const headers = { authorization: `Bearer ${TOKEN.replace(" ", "")}` };
  assertEquals((await get(`${path}/drain`, { method: "POST", headers }))[0], 401);
  await using open = testAdmin(adminSource({ groups: [group] }), "t0ken");
  const post = (action: string) =>
    get(`${open.url}/upstreams/web/127.0.0.1:2/${action}`, {
      method: "POST",
      headers: { authorization: "Bearer t0ken" },
    });
  for (const [action, state] of [["drain", "draining"], ["disable", "disabled"], ["enable", "enabled"]]) {
    assertEquals(await post(action!), [200, `127.0.0.1:2 of web is ${state}\n`]);
    assertEquals(group.backends.map(({ admin }) => admin), ["enabled", state]);
  }
  assertEquals((await get(`${open.url}/upstreams/web/127.0.0.1:2/drain`))[0], 405);
  assertEquals((await post("explode"))[0], 404);
  assertEquals(
    (await get(`${open.url}/upstreams/wep/a/drain`, {
      method: "POST",
      headers: { authorization: "Bearer t0ken" },
    }))[1],
    'There is no group "wep", there are web\n',
  );
});

Deno.test("the page's buttons work as a plain form, and not without the token", async () => {
  const group = web();
  await using admin = testAdmin(adminSource({ groups: [group] }), TOKEN);
  const post = (token: string) =>
    get(`${admin.url}/action`, {
      method: "POST",
      body: new URLSearchParams({ token, action: "drain web 127.0.0.1:1" }),
    });
  assertEquals((await post("wrong"))[0], 401);
  assertEquals(group.backends[0]!.admin, "enabled");
  assertEquals((await post(TOKEN))[0], 303);
  assertEquals(group.backends[0]!.admin, "draining");
  const long = await get(`${admin.url}/action`, { method: "POST", body: "a".repeat(10_000) });
  assertEquals(long[0], 413);
});

Deno.test("without a token in the configuration nothing can be changed", async () => {
  await using admin = testAdmin(adminSource());
  assertEquals((await get(`${admin.url}/reload`, { method: "POST" }))[0], 403);
  assertEquals((await get(`${admin.url}/`))[1].includes("<button"), false);
});

Deno.test("a reload says what was wrong", async () => {
  let problem: string | undefined = "postern.yaml:1:1: bad";
  await using admin = testAdmin(adminSource({ reload: () => Promise.resolve(problem) }), "t");
  const reload = () => get(`${admin.url}/reload`, { method: "POST", headers: { authorization: "Bearer t" } });
  assertEquals(await reload(), [422, "postern.yaml:1:1: bad\n"]);
  problem = undefined;
  assertEquals(await reload(), [200, "reloaded\n"]);
});

Deno.test("it is ready until it stops, and alive until it has", async () => {
  let draining = false;
  const source = Object.defineProperty(adminSource(), "draining", { get: () => draining });
  await using admin = testAdmin(source);
  assertEquals((await get(`${admin.url}/readyz`))[0], 200);
  draining = true;
  assertEquals((await get(`${admin.url}/readyz`))[0], 503);
  assertEquals((await get(`${admin.url}/healthz`))[0], 200);
});

Deno.test("a change is sent to whoever looks on, and what has not changed is not", async () => {
  const group = web();
  await using admin = testAdmin(adminSource({ groups: [group] }));
  const answer = await fetch(`${admin.url}/events`);
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  const next = async () => {
    for (let text = "";;) {
      text += (await reader.read()).value!;
      if (!text.endsWith("\n\n")) continue;
      if (text.startsWith("data: ")) return new Map<string, string>(JSON.parse(text.slice(6)));
      text = "";
    }
  };
  assertEquals((await next()).has("groups"), true);
  group.backends[0]!.healthy = false;
  let changed = await next();
  while (!changed.get("groups")?.includes("DOWN")) changed = await next();
  assertEquals(changed.has("failures"), false);
  await reader.cancel();
});

Deno.test("status.json has what the page shows", async () => {
  const group = web();
  group.backends[1]!.healthy = true;
  await using admin = testAdmin(adminSource({ groups: [group] }));
  const status = JSON.parse((await get(`${admin.url}/status.json`))[1]);
  assertEquals(status.groups[0].backends.map(({ state }: { state: string }) => state), ["unchecked", "up"]);
});
