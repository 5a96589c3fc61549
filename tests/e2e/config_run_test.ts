// The samples of configurations, with addresses of the test's own.
import { assertEquals, assertMatch } from "@std/assert";
import { CA, ONE } from "../support/certs.ts";
import { httpOrigin } from "../support/origin.ts";
import { e2e, postern, type Process, ready, ROOT, start, tempFolder } from "../support/process.ts";
import { send } from "../support/send.ts";
import { tlsOrigin } from "../support/tls_origin.ts";
import { parseMessage, requestText, valueOf } from "../support/wire.ts";

/** The sample's text, with a free port to listen on and other addresses in the place of its own. */
async function sample(name: string, addresses: Readonly<Record<string, string>>): Promise<string> {
  let text = await Deno.readTextFile(`${ROOT}samples/config/${name}`);
  for (const [from, to] of Object.entries({ ...addresses, "127.0.0.1:6188": "127.0.0.1:0" })) {
    text = text.replaceAll(from, to);
  }
  return text;
}

/** Runs a configuration with the permissions that it names. */
async function run(file: string): Promise<Process> {
  const { out: [flags], err } = await postern(["--allow-read"], ["permissions", "-c", file]);
  assertEquals(err, []);
  return start(flags!.split(" "), ["run", "-c", file]);
}

const named = (name: string) =>
  httpOrigin((request) => new Response(`${name} ${request.method} ${new URL(request.url).pathname}`));

e2e("single_site.yaml passes requests on, and stops at a signal", async () => {
  using folder = tempFolder();
  await using site = named("site");
  const file = folder.write(
    "postern.yaml",
    await sample("single_site.yaml", { "127.0.0.1:6189": site.address }),
  );
  await using proxy = await run(file);
  const url = await ready(proxy);
  assertEquals(await (await fetch(`${url}/a`)).text(), "site GET /a");
  const { status } = await fetch(url, { method: "POST", body: new Uint8Array(10 * 1024 * 1024 + 1) });
  assertEquals(status, 413);
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
  assertMatch(proxy.out.all[0]!, /"GET \/a HTTP\/1\.1" 200 /);
});

e2e(
  "balanced_api.yaml uses both servers that are well, and answers itself what is no part of the API",
  async () => {
    using folder = tempFolder();
    await using one = named("one");
    await using two = named("two");
    await using backup = named("backup");
    const addresses = {
      "127.0.0.1:6189": one.address,
      "127.0.0.1:6190": two.address,
      "127.0.0.1:6191": backup.address,
    };
    const file = folder.write("postern.yaml", await sample("balanced_api.yaml", addresses));
    await using proxy = await run(file);
    const url = await ready(proxy);
    const answers = new Set<string>();
    for (let i = 0; i < 40; i++) answers.add(await (await fetch(`${url}/v1/users`)).text());
    assertEquals([...answers].toSorted(), ["one GET /v1/users", "two GET /v1/users"]);
    const other = await fetch(`${url}/v2`);
    assertEquals([other.status, other.headers.get("content-type")], [404, "application/json"]);
    assertEquals(await other.json(), { error: "not found" });
  },
);

e2e("canary.yaml keeps a client at its version, and sends who asks for it to the canary", async () => {
  using folder = tempFolder();
  await using stable = named("stable");
  await using canary = named("canary");
  const addresses = { "127.0.0.1:6189": stable.address, "127.0.0.1:6190": canary.address };
  const file = folder.write("postern.yaml", await sample("canary.yaml", addresses));
  await using proxy = await run(file);
  const url = await ready(proxy);
  assertEquals(await (await fetch(url, { headers: { "x-canary": "1" } })).text(), "canary GET /");
  const first = await fetch(url);
  const version = await first.text();
  const cookie = first.headers.get("set-cookie")!.split(";")[0]!;
  for (let i = 0; i < 20; i++) {
    assertEquals(await (await fetch(url, { headers: { cookie } })).text(), version);
  }
});

e2e("sandboxed_auth.yaml lets through what the service knows, and what is public", async () => {
  using folder = tempFolder();
  await using app = named("app");
  await using service = httpOrigin(({ headers }) =>
    new Response(null, { status: headers.get("authorization") === "Bearer good" ? 204 : 401 })
  );
  const hook = await Deno.readTextFile(`${ROOT}samples/config/check_token.ts`);
  folder.write(
    "check_token.ts",
    hook.replaceAll("127.0.0.1:6191", service.address).replace("../../src/mod.ts", `${ROOT}src/mod.ts`),
  );
  const file = folder.write(
    "postern.yaml",
    await sample("sandboxed_auth.yaml", { "127.0.0.1:6189": app.address }),
  );
  await using proxy = await run(file);
  const url = await ready(proxy);
  const ask = async (path: string, authorization?: string) => {
    const response = await fetch(url + path, {
      headers: authorization === undefined ? {} : { authorization },
    });
    return `${response.status} ${await response.text()}`;
  };
  assertEquals(await ask("/private"), "401 a token is needed\n");
  assertEquals(await ask("/private", "Bearer bad"), "403 the token is not known\n");
  assertEquals(await ask("/private", "Bearer good"), "200 app GET /private");
  assertEquals(await ask("/public/logo"), "200 app GET /public/logo");
});

e2e("tls.yaml speaks TLS to its clients and to its server", async () => {
  using folder = tempFolder();
  await using site = tlsOrigin(ONE, "site");
  folder.write("site.pem", ONE.cert);
  folder.write("site.key", ONE.key);
  folder.write("ca.pem", CA);
  const text = (await sample("tls.yaml", { "127.0.0.1:6444": site.address, "127.0.0.1:6443": "127.0.0.1:0" }))
    .replace("serverName: localhost", "serverName: one.one.one.one")
    .replace("caCerts: site.pem", "caCerts: ca.pem");
  await using proxy = await run(folder.write("postern.yaml", text));
  const url = (await proxy.err.find(/^listening (https:.+)$/))[1]!;
  using client = Deno.createHttpClient({ caCerts: [CA] });
  const answer = await fetch(url, { client });
  assertEquals([await answer.text(), answer.headers.get("strict-transport-security")], [
    "site",
    "max-age=31536000",
  ]);
  const plain = (await proxy.err.find(/^redirecting (http:\S+) to it$/))[1]!;
  const redirection = await fetch(`${plain}/a?b`, { redirect: "manual" });
  assertEquals([redirection.status, redirection.headers.get("location")], [
    308,
    `${url.replace("127.0.0.1", new URL(plain).hostname)}/a?b`,
  ]);
});

e2e(
  "static_and_api.yaml splits by path, compresses pages, keeps strangers out and sends www away",
  async () => {
    using folder = tempFolder();
    await using pages = httpOrigin(() =>
      new Response("page ".repeat(1_000), { headers: { "content-type": "text/html" } })
    );
    await using api = named("api");
    const addresses = { "127.0.0.1:6189": pages.address, "127.0.0.1:6190": api.address };
    const text = (await sample("static_and_api.yaml", addresses)).replace("      - 127.0.0.1\n", "");
    await using proxy = await run(folder.write("postern.yaml", text));
    const { port } = new URL(await ready(proxy));
    const get = async (path: string, host = "example.com", lines = "") => {
      const answer = await send(
        `127.0.0.1:${port}`,
        requestText("GET", path, lines).replace("Host: a", `Host: ${host}`),
      );
      const { status, fields, body } = parseMessage(answer);
      return { status, body, field: (name: string) => valueOf(fields, name) };
    };
    const page = await get("/", "example.com", "Accept-Encoding: gzip\r\n");
    assertEquals([page.field("content-encoding"), page.field("cache-control")], [
      "gzip",
      "public, max-age=300",
    ]);
    const answer = await get("/api/users?x", "example.com", "Accept-Encoding: gzip\r\n");
    assertEquals([answer.body, answer.field("content-encoding")], ["api GET /users", null]);
    assertMatch(answer.field("ratelimit")!, /^"client";r=39;/);
    assertEquals((await get("/api/admin/x")).status, 403);
    const away = await get("/a?b", "www.example.com");
    assertEquals([away.status, away.field("location")], [308, "http://example.com/a?b"]);
    assertEquals((await get("/", "other.example")).status, 404);
  },
);

e2e("a request that no route is for gets 404, and listeners have routes of their own", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `listeners: [{ address: 127.0.0.1:0, name: one }, { address: localhost:0, name: two, front: tcp }]
routes:
  - { match: { listener: one, path: /x }, respond: { body: one } }
  - { match: { listener: two, path: /x }, respond: { body: two, status: 201 } }
`,
  );
  await using proxy = start([`--allow-read=${file}`, "--allow-net=127.0.0.1:0,localhost:0"], [
    "run",
    "-c",
    file,
  ]);
  const at = async (name: string) => (await proxy.err.find(RegExp(`^listening (http:.+) as ${name}$`)))[1]!;
  const [one, two] = [await at("one"), await at("two")];
  assertEquals(await (await fetch(`${one}/x`)).text(), "one");
  assertEquals(await (await fetch(`${two}/x`)).text(), "two");
  const missed = await fetch(`${one}/y`);
  await missed.body?.cancel();
  assertEquals(missed.status, 404);
});

e2e("run -c refuses what is not granted, where it stands", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `listeners: [{ address: 127.0.0.1:0 }]
routes:
  - { respond: {}, deny: [10.0.0.0/8] }
`,
  );
  const { code, err } = await postern([`--allow-read=${file}`], ["run", "-c", file]);
  assertEquals([code, err], [2, [
    `${file}:1:24: listeners[0].address: 127.0.0.1:0 is not granted; add --allow-net=127.0.0.1:0`,
    "1 error",
  ]]);
});
