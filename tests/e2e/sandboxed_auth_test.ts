// The sample as it is, with the flags that `permissions --sandbox` prints and no other, in a namespace of its own.
import { assertEquals, assertMatch } from "@std/assert";
import { Namespace, whyNoNamespaces } from "../support/namespace.ts";
import { postern, type Process, tempFolder } from "../support/process.ts";

const why = await whyNoNamespaces();
const READ = "--allow-read=samples,src";

/** An application that shows the fields it gets, and a service that knows one token. */
const SERVER = `
const [port, what] = Deno.args;
const users = { "Bearer good": "alice", "Bearer nobody": "" };
Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen: () => console.log("ready") }, ({ headers, url }) => {
  if (what === "application") return Response.json(Object.fromEntries(headers));
  if (new URL(url).pathname !== "/verify") return new Response(null, { status: 404 });
  const user = users[headers.get("authorization")];
  if (user === undefined) return new Response(null, { status: 401 });
  if (what === "redirecting") return Response.redirect("http://127.0.0.1:6192/verify");
  return new Response("body", { headers: user === "" ? {} : { "x-user": user } });
});`;

async function server(inside: Namespace, script: string, port: number, what: string): Promise<Process> {
  const flags = ["run", "--no-prompt", `--allow-net=127.0.0.1:${port}`, script, `${port}`, what];
  const process = inside.start([Deno.execPath(), ...flags]);
  await process.out.find(/^ready$/);
  return process;
}

/** Starts the sample with exactly the flags that are printed for it. */
async function sample(inside: Namespace, args: readonly string[] = []): Promise<Process> {
  const { code, out } = await postern([READ], ["permissions", "--sandbox", "sandboxed_auth"]);
  assertEquals(code, 0);
  const flags = ["--no-prompt", ...out[0]!.split(" ")];
  const proxy = inside.start([
    Deno.execPath(),
    "run",
    ...flags,
    "main.ts",
    "run",
    "--strict",
    "--sandbox",
    "sandboxed_auth",
    ...args,
  ]);
  await proxy.err.find(/^ready in/);
  return proxy;
}

/** Asks with these fields; the status, the fields of the answer, and those that the application saw. */
async function ask(
  inside: Namespace,
  fields: readonly string[],
): Promise<[number, string, Record<string, string>]> {
  const lines = await inside.run([
    ...["curl", "-si", "http://127.0.0.1:6188/"],
    ...fields.flatMap((field) => ["-H", field]),
  ]);
  const end = lines.findIndex((line) => line.trim() === "");
  const body = lines.slice(end + 1).join("\n");
  return [
    Number(lines[0]!.split(" ")[1]),
    lines.slice(0, end).join("\n"),
    body.startsWith("{") ? JSON.parse(body) : {},
  ];
}

function auth(name: string, fn: (inside: Namespace, script: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: why !== undefined,
    async fn() {
      using folder = tempFolder();
      await using inside = await Namespace.open([]);
      await fn(inside, folder.write("server.js", SERVER));
    },
  });
}

auth(
  "sandboxed_auth lets in whom the service knows, and tells the application who it is",
  async (inside, script) => {
    await using _application = await server(inside, script, 6189, "application");
    await using service = await server(inside, script, 6191, "service");
    await using proxy = await sample(inside);
    assertEquals(proxy.err.all.filter((line) => /^(?:listening|upstream|hooks|warning)/.test(line)), [
      "listening http://127.0.0.1:6188",
      "upstream 127.0.0.1:6189",
      "hooks requestFilter upstreamPeer, in a sandbox with net=127.0.0.1:6189,127.0.0.1:6191",
    ]);

    const [without, head] = await ask(inside, ["X-User: root"]);
    assertEquals(without, 401);
    assertMatch(head, /www-authenticate: Bearer/i);
    for (const token of ["bad", "nobody"]) {
      assertEquals((await ask(inside, [`Authorization: Bearer ${token}`, "X-User: root"]))[0], 401);
    }
    const [status, , seen] = await ask(inside, ["Authorization: Bearer good", "X-User: root", "X-Kept: yes"]);
    assertEquals([status, seen["x-user"], seen["x-kept"]], [200, "alice", "yes"]);

    service.kill("SIGKILL");
    await service.exit();
    assertEquals((await ask(inside, ["Authorization: Bearer good"]))[0], 503);
    assertEquals((await ask(inside, []))[0], 401, "what needs no service goes on");
    await using _again = await server(inside, script, 6191, "service");
    assertEquals((await ask(inside, ["Authorization: Bearer good"]))[0], 200);
    proxy.kill("SIGTERM");
    assertEquals(await proxy.exit(), 0);
  },
);

auth("sandboxed_auth asks no other service, whatever its own says", async (inside, script) => {
  await using _application = await server(inside, script, 6189, "application");
  await using _service = await server(inside, script, 6191, "redirecting");
  await using other = await server(inside, script, 6192, "service");
  await using proxy = await sample(inside);
  assertEquals((await ask(inside, ["Authorization: Bearer good"]))[0], 503);
  await proxy.err.find(
    /WARN +sandboxed_auth: refused: fetch, redirected to http:\/\/127\.0\.0\.1:6192\/verify: Requires net access/,
  );
  other.kill("SIGKILL");
});

auth("sandboxed_auth sends nobody to an upstream that is not in its net", async (inside) => {
  const { out } = await postern([READ], ["permissions", "--sandbox", "sandboxed_auth"]);
  const refused = inside.start([
    ...[
      Deno.execPath(),
      "run",
      "--no-prompt",
      ...out[0]!.split(" "),
      "main.ts",
      "run",
      "--sandbox",
      "sandboxed_auth",
    ],
    ...["--upstream", "http://127.0.0.1:6193"],
  ]);
  assertEquals(await refused.exit(), 1);
  assertMatch(refused.err.all.join("\n"), /127\.0\.0\.1:6193/);
});
