// What a configuration can do, by the real program.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { httpOrigin } from "../support/origin.ts";
import { e2e, postern, ready, start, tempFolder } from "../support/process.ts";
import { until } from "../support/until.ts";

const FLAGS = ["--allow-net=127.0.0.1", "--allow-read"];

e2e("rules, hooks and answers of a file work together", async () => {
  await using origin = httpOrigin((request) => {
    const { pathname, search } = new URL(request.url);
    const { headers } = request;
    return Response.json([pathname + search, headers.get("x-user"), headers.get("authorization")]);
  });
  using folder = tempFolder();
  folder.write(
    "hook.ts",
    `export const net: string[] = [];
     export function requestFilter(session: any) { session.request.headers.set("x-user", "from the hook"); }`,
  );
  const file = folder.write(
    "postern.yaml",
    `defaults:
  cors: { origins: "https://app.example" }
listeners: [{ address: "127.0.0.1:0", front: tcp }]
groups: { web: { members: ["${origin.address}"] } }
routes:
  - { match: { path: /api/* }, to: web, rewrite: { stripPrefix: /api }, hooks: [{ module: hook.ts }] }
  - { match: { path: /own/* }, to: web, hooks: [{ module: hook.ts, sandbox: false }] }
  - { match: { path: /limited }, respond: { body: ok }, rateLimit: { rate: 1/m, burst: 2 } }
  - { match: { path: /denied }, to: web, deny: [127.0.0.0/8] }
  - { match: { path: /old }, redirect: { to: "https://{host}/new{query}", status: 301 } }
  - match: { path: /private }
    to: web
    # user:secret
    basicAuth: { users: { user: "$2b$04$B5hfFo0hy9S0bgetrqBP0.EZuGVWbltz8gcKADjOS7nrNevy1ozim" } }
`,
  );
  await using proxy = start(FLAGS, ["run", "-c", file]);
  const url = await ready(proxy);
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, { redirect: "manual", headers });
  assertEquals(await (await get("/api/x?y")).json(), ["/x?y", "from the hook", null]);
  assertEquals(await (await get("/own/x")).json(), ["/own/x", "from the hook", null]);
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) {
    const answer = await get("/limited", { origin: "https://app.example" });
    await answer.body?.cancel();
    statuses.push(answer.status);
    assertEquals(answer.headers.get("access-control-allow-origin"), "https://app.example");
    if (i === 2) assertMatch(answer.headers.get("retry-after")!, /^\d+$/);
  }
  assertEquals(statuses, [200, 200, 429]);
  const old = await get("/old?a");
  assertEquals([old.status, old.headers.get("location")], [301, `https://${new URL(url).host}/new?a`]);
  for (
    const [path, authorization, expected] of [
      ["/denied", "", 403],
      ["/nowhere", "", 404],
      ["/private", "", 401],
      ["/private", `Basic ${btoa("user:wrong")}`, 401],
    ] as const
  ) {
    const answer = await get(path, authorization === "" ? {} : { authorization });
    await answer.body?.cancel();
    assertEquals(answer.status, expected, path);
  }
  const answer = await get("/private", { authorization: `Basic ${btoa("user:secret")}` });
  assertEquals(await answer.json(), ["/private", null, null]);
});

e2e(
  "the access log goes to a file of its own, filtered, with fields, and goes on in a new one after SIGUSR1",
  async () => {
    using folder = tempFolder();
    const log = `${folder.path}/access.log`;
    const file = folder.write(
      "postern.yaml",
      `logs: { access: { format: json, file: access.log, status: [404], fields: [user-agent, x-token], redact: [x-token] } }
listeners: [{ address: "127.0.0.1:0" }]
routes: [{ match: { path: /there }, respond: {} }]
`,
    );
    await using proxy = start([...FLAGS, `--allow-write=${log}`], ["run", "-c", file]);
    const url = await ready(proxy);
    const get = async (path: string) => {
      const headers = { "user-agent": "test", "x-token": "secret" };
      await (await fetch(`${url}${path}`, { headers })).body?.cancel();
    };
    const lines = () => Deno.readTextFileSync(log).trim().split("\n").filter((line) => line !== "");
    await get("/there");
    await get("/missing");
    await until("a line is there", () => lines().length > 0);
    const [entry] = lines().map((line) => JSON.parse(line));
    assertEquals([lines().length, entry.target, entry.status], [1, "/missing", 404]);
    assertEquals(entry.headers, { "user-agent": "test", "x-token": "[redacted]" });
    await Deno.rename(log, `${log}.1`);
    proxy.kill("SIGUSR1");
    await new Promise((resolve) => setTimeout(resolve, 100));
    await get("/again");
    await until("the new file is there", () => {
      try {
        return lines().length === 1;
      } catch {
        return false;
      }
    });
    assertEquals((await Deno.readTextFile(`${log}.1`)).trim().split("\n").length, 1);
  },
);

e2e(
  "--watch takes over changes of the file and of its hooks, also those that put a new file in its place",
  async () => {
    using folder = tempFolder();
    const hook = (text: string) =>
      folder.write(
        "hook.ts",
        `export const net: string[] = [];
       export function requestFilter() { return new Response("${text}"); }`,
      );
    const config = (path: string) =>
      folder.write(
        "postern.yaml",
        `listeners: [{ address: "127.0.0.1:0" }]
routes: [{ match: { path: ${path} }, hooks: [{ module: hook.ts }], respond: {} }]
`,
      );
    hook("one");
    const file = config("/a");
    await using proxy = start(FLAGS, ["run", "-c", file, "--watch"]);
    const url = await ready(proxy);
    const get = async (path: string) => {
      const answer = await fetch(`${url}${path}`);
      return answer.status === 200 ? await answer.text() : (await answer.body?.cancel(), answer.status);
    };
    assertEquals(await get("/a"), "one");
    let from = proxy.err.all.length;
    hook("two");
    await proxy.err.find(/^reloaded/, from);
    assertEquals(await get("/a"), "two");
    from = proxy.err.all.length;
    config("/b");
    await Deno.rename(file, `${file}.new`);
    await Deno.rename(`${file}.new`, file);
    await proxy.err.find(/^reloaded/, from);
    assertEquals([await get("/a"), await get("/b")], [404, "two"]);
  },
);

e2e("reload asks the running proxy, and says what it said", async () => {
  using folder = tempFolder();
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const admin = `127.0.0.1:${free.addr.port}`;
  free.close();
  const config = (body: string) =>
    folder.write(
      "postern.yaml",
      `admin: { listen: "${admin}", token: 0123456789abcdef }
listeners: [{ address: "127.0.0.1:0" }]
routes: [{ respond: { body: ${body} } }]
`,
    );
  const file = config("one");
  await using proxy = start(FLAGS, ["run", "-c", file]);
  const url = await ready(proxy);
  config("two");
  assertEquals((await postern(FLAGS, ["reload", "-c", file])).out, ["reloaded"]);
  assertEquals(await (await fetch(url)).text(), "two");
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
  assertEquals((await postern(FLAGS, ["reload", "-c", file])).code, 1);
});

e2e("proxy needs no file", async () => {
  await using one = httpOrigin(() => new Response("one"));
  await using two = httpOrigin(() => new Response("two"));
  await using proxy = start(["--allow-net=127.0.0.1"], [
    ...["proxy", "--from", "127.0.0.1:0", "--to", `${one.address},${two.address}`],
  ]);
  const url = await ready(proxy);
  const answers = new Set<string>();
  for (let i = 0; i < 4; i++) answers.add(await (await fetch(url)).text());
  assertEquals(answers, new Set(["one", "two"]));
  assertStringIncludes((await postern([], ["proxy"])).err[0]!, "--from HOST:PORT");
});

e2e("what is left is told to close while the proxy stops, and it is not ready any more", async () => {
  const asked = Promise.withResolvers<void>();
  const due = Promise.withResolvers<void>();
  await using origin = httpOrigin(async () => {
    asked.resolve();
    await due.promise;
    return new Response("late");
  });
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `admin: { listen: "127.0.0.1:0" }
listeners: [{ address: "127.0.0.1:0", front: tcp }]
groups: { web: { members: ["${origin.address}"], check: false } }
routes: [{ to: web }]
`,
  );
  await using proxy = start(FLAGS, ["run", "-c", file]);
  const url = await ready(proxy);
  const [, admin] = await proxy.err.find(/^status (.+)$/);
  const answer = fetch(url);
  await asked.promise;
  proxy.kill("SIGTERM");
  await proxy.err.find(/^SIGTERM: finishing 1 requests/);
  const readyz = await fetch(`${admin}readyz`);
  assertEquals([readyz.status, await readyz.text()], [503, "stopping\n"]);
  due.resolve();
  const { headers } = await answer;
  assertEquals([await (await answer).text(), headers.get("connection")], ["late", "close"]);
  assertEquals(await proxy.exit(), 0);
});

e2e("an address that is taken is told, and the exit code is 1", async () => {
  await using taken = httpOrigin(() => new Response());
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `listeners: [{ address: "${taken.address}" }]\nroutes: [{ respond: {} }]\n`,
  );
  await using proxy = start(FLAGS, ["run", "-c", file]);
  assertEquals(await proxy.exit(), 1);
  assert(proxy.err.all.join().includes("the address is in use"), proxy.err.all.join());
});

e2e("--watch says when it may not watch", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `listeners: [{ address: "127.0.0.1:0" }]\nroutes: [{ respond: {} }]\n`,
  );
  await using proxy = start(["--allow-net=127.0.0.1", `--allow-read=${file}`], [
    "run",
    "-c",
    file,
    "--watch",
  ]);
  await proxy.err.find(/^error: cannot watch for changes, which takes --allow-read of the folder/);
  await (await fetch(await ready(proxy))).body?.cancel();
});
