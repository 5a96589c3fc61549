import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { httpOrigin } from "../support/origin.ts";
import { e2e, outcome, type Process, ready, simple, start, tempFolder } from "../support/process.ts";

e2e("run sends a sample's requests to --upstream, with no permission but the network", async () => {
  await using origin = httpOrigin(async (request) =>
    new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`)
  );
  await using proxy = simple(origin.address);
  const response = await fetch(`${await ready(proxy)}/a/b`, { method: "POST", body: "sent" });
  assertEquals([response.status, await response.text()], [200, "POST /a/b sent"]);
  assertEquals(proxy.err.all[2], `upstream ${origin.address}`);
});

e2e("run takes a module on disk with its own hooks", async () => {
  await using origin = httpOrigin((request) => new Response(request.headers.get("x-seen")));
  using folder = tempFolder();
  const file = folder.write(
    "own.ts",
    `export const listen = "127.0.0.1:0";
     export const net = ["${origin.address}"];
     export const upstreams = [{ address: "${origin.address}" }];
     export function newContext() { return { at: "first" }; }
     export function requestFilter(session: { request: { target: string } }) {
       if (session.request.target === "/early") return new Response("early", { status: 418 });
     }
     export function upstreamPeer() { return upstreams[0]; }
     export function upstreamRequestFilter(_: unknown, request: { headers: Headers }, context: { at: string }) {
       request.headers.set("x-seen", context.at);
     }
     export function responseFilter(_: unknown, response: { headers: Headers }) {
       response.headers.set("x-added", "yes");
     }`,
  );
  const flags = [`--allow-read=${folder.path}`, `--allow-net=127.0.0.1:0,${origin.address}`];
  await using proxy = start(flags, ["run", file]);
  const url = await ready(proxy);
  const [hooks] = await proxy.err.find(/^hooks .*/);
  assertEquals(hooks, "hooks newContext requestFilter upstreamPeer upstreamRequestFilter responseFilter");
  const early = await fetch(`${url}/early`);
  assertEquals([early.status, await early.text()], [418, "early"]);
  const passed = await fetch(`${url}/other`);
  assertEquals([await passed.text(), passed.headers.get("x-added")], ["first", "yes"]);
});

/** Makes three requests of different fates; ends the proxy, so that its log is complete. */
async function threeRequests(proxy: Process): Promise<void> {
  const url = await ready(proxy);
  const asks: [string, RequestInit][] = [
    ["/ok?q=1", { headers: { "x-request-id": "id-of-the-first" } }],
    ["/not%20there", {}],
    ["/up", { method: "PUT", body: "12345" }],
  ];
  for (const [target, init] of asks) await (await fetch(url + target, init)).text();
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0, proxy.err.all.join("\n"));
}

function threeAnswers(): ReturnType<typeof httpOrigin> {
  return httpOrigin(async (request) => {
    await request.text();
    const { pathname } = new URL(request.url);
    return pathname === "/ok"
      ? new Response("hello")
      : new Response(null, { status: pathname === "/up" ? 204 : 404 });
  });
}

e2e("--access-log json writes one object a request, which agree with the requests", async () => {
  await using origin = threeAnswers();
  await using proxy = simple(origin.address, ["--access-log", "json"]);
  await threeRequests(proxy);
  const entries = proxy.out.all.map((line) => JSON.parse(line));
  assertEquals(
    entries.map((e) => [e.method, e.target, e.status, e.bytes_sent, e.bytes_received, e.flags, e.attempts]),
    [
      ["GET", "/ok?q=1", 200, 5, 0, "-", 1],
      ["GET", "/not%20there", 404, 0, 0, "-", 1],
      ["PUT", "/up", 204, 0, 5, "-", 1],
    ],
  );
  assertEquals(entries[0].id, "id-of-the-first");
  for (const entry of entries) {
    assertEquals([entry.client, entry.upstream], ["127.0.0.1", origin.address]);
    assert(!Number.isNaN(Date.parse(entry.ts)), entry.ts);
    assert(entry.connect_ms >= 0 && entry.first_byte_ms > 0 && entry.total_ms >= entry.first_byte_ms);
  }
});

e2e("--access-log common, which is the default, writes Common Log lines", async () => {
  for (const args of [["--access-log", "common"], []]) {
    await using origin = threeAnswers();
    await using proxy = simple(origin.address, args);
    await threeRequests(proxy);
    const line =
      /^(\S+) - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "([^"]*)" (\d+) (\d+) (\S+) (\S+) (\d+) \S+ \S+ \S+ (\S+)$/;
    const fields = proxy.out.all.map((text) => line.exec(text)?.slice(1));
    assertEquals(
      fields.map((found) => found?.slice(0, 7)),
      [
        ["127.0.0.1", "GET /ok?q=1 HTTP/1.1", "200", "5", "-", origin.address, "1"],
        ["127.0.0.1", "GET /not%20there HTTP/1.1", "404", "0", "-", origin.address, "1"],
        ["127.0.0.1", "PUT /up HTTP/1.1", "204", "0", "-", origin.address, "1"],
      ],
      proxy.out.all.join("\n"),
    );
    assertEquals(fields[0]![7], "id-of-the-first");
  }
});

e2e("--access-log off writes nothing to standard output", async () => {
  await using origin = threeAnswers();
  await using proxy = simple(origin.address, ["--access-log", "off"]);
  await threeRequests(proxy);
  assertEquals(proxy.out.all, []);
});

e2e("--log-level error keeps warnings out of the application log, info lets them in", async () => {
  for (const [level, told] of [["error", 0], ["info", 1]] as const) {
    await using proxy = simple("127.0.0.1:9", ["--log-level", level]);
    const response = await fetch(await ready(proxy));
    assertEquals(response.status, 502);
    await response.body?.cancel();
    proxy.kill("SIGTERM");
    await proxy.exit();
    assertEquals(proxy.err.all.filter((line) => line.includes(" WARN ")).length, told);
  }
});

e2e("what a hook leaves behind unhandled is a line in the log, not the end of the process", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "own.ts",
    `export function requestFilter(session: { request: { target: string } }) {
       if (session.request.target === "/reject") Promise.reject(new Error("left behind"));
       if (session.request.target === "/throw") setTimeout(() => { throw new Error("thrown late"); }, 0);
       if (session.request.target === "/fail") throw new Error("thrown at once");
       return new Response("answered");
     }`,
  );
  const flags = [`--allow-read=${folder.path}`, "--allow-net=127.0.0.1:0"];
  await using proxy = start(flags, ["run", file, "--listen", "127.0.0.1:0"]);
  const url = await ready(proxy);
  assertEquals(await (await fetch(`${url}/reject`)).text(), "answered");
  await proxy.err.find(/ ERROR .*left behind/);
  assertEquals(await (await fetch(`${url}/throw`)).text(), "answered");
  await proxy.err.find(/ ERROR .*thrown late/);
  const failed = await fetch(`${url}/fail`);
  assertEquals(failed.status, 500);
  assertEquals((await failed.text()).includes("thrown"), false);
  await proxy.err.find(/thrown at once/);
  assertEquals(await (await fetch(url)).text(), "answered");
});

e2e("run listens on a Unix socket and forwards to one", async () => {
  using folder = tempFolder();
  const [front, back] = [`${folder.path}/in.sock`, `${folder.path}/up.sock`];
  const origin = Deno.serve(
    { path: back, onListen() {} },
    async (request) => new Response(`${request.headers.get("host")} ${await request.text()}`),
  );
  try {
    await using proxy = start(
      [
        `--allow-net=unix:${front},unix:${back}`,
        `--allow-read=${folder.path}`,
        `--allow-write=${folder.path}`,
      ],
      ["run", "simple_proxy", "--listen", `unix:${front}`, "--upstream", `unix:${back}`],
    );
    await proxy.err.find(/^ready in/);
    assertEquals(proxy.err.all.slice(1, 3), [`listening unix:${front}`, `upstream unix:${back}`]);
    const { out } = await outcome(["curl", "-s", "-d", "sent", "--unix-socket", front, "http://a.example/x"]);
    assertEquals(out, ["a.example sent"]);
    proxy.kill("SIGINT");
    assertEquals(await proxy.exit(), 0);
    assertStringIncludes(proxy.out.all[0]!, `"POST /x HTTP/1.1" 200`);
  } finally {
    await origin.shutdown();
  }
});
