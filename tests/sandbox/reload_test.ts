import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type AccessEntry, type ProxyModule, startProxy } from "../../src/mod.ts";
import { captureLog } from "../support/captured_log.ts";
import { httpOrigin, rawOrigin } from "../support/origin.ts";
import { e2e, ready, start, tempFolder } from "../support/process.ts";
import { rawClient } from "../support/proxy.ts";
import { sandboxed } from "../support/sandbox.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { until } from "../support/until.ts";
import { parseMessage, requestText, within } from "../support/wire.ts";

const TEXT = new URL("../support/modules/generation.ts", import.meta.url);
const ROOT = new URL("../../", import.meta.url).href;

/** The module's text for one generation, to be put into any folder. */
async function textOf(generation: string): Promise<string> {
  const text = await Deno.readTextFile(TEXT);
  return text.replaceAll("GENERATION", generation).replaceAll("../../../", ROOT);
}

/** An origin that streams at `/stream`: the rest of a body comes when the test says so. */
function streaming() {
  const rest = Promise.withResolvers<void>();
  const origin = rawOrigin(async (connection) => {
    for (let head; (head = await connection.readHead()) !== null;) {
      if (!head.startsWith("GET /stream")) {
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        continue;
      }
      await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n");
      await rest.promise;
      await connection.write("3\r\nend\r\n0\r\n\r\n");
    }
  });
  return { origin, finish: () => rest.resolve() };
}

for (const way of ["in process", "sandboxed"] as const) {
  e2e(
    `a module is replaced under load, ${way}: no request fails, and each ends with what it began with`,
    async () => {
      using _log = captureLog();
      using folder = tempFolder();
      const { origin, finish } = streaming();
      await using _origin = origin;
      const load = async (generation: string): Promise<ProxyModule> => {
        const file = folder.write(`${generation}.ts`, await textOf(generation));
        if (way === "sandboxed") return await sandboxed(file, origin.address, { workers: 2, timeout: 5_000 });
        const module = await import(`file://${file}`);
        module.upstreams.splice(0, 1, { address: origin.address });
        return module;
      };
      const entries: AccessEntry[] = [];
      const running = startProxy(await load("old"), {
        listen: "127.0.0.1:0",
        onEnd: (entry) => entries.push(entry),
      });
      const get = (target: string) => send(running.address, requestText("GET", target));

      using client = await rawClient(running.address);
      await client.write(requestText("GET", "/stream"));
      await client.readUntil("begin");
      const waiting = get("/wait");
      await until("both are under way", () => running.counters.active === 2);
      let stopped = false;
      const answers: string[] = [];
      const traffic = Promise.all(Array.from({ length: 8 }, async () => {
        while (!stopped) answers.push(await get("/"));
      }));
      await until("there is traffic", () => answers.length > 50);
      let replaced = false;
      const next = await load("new");
      const old = running.replace(next).then(() => replaced = true);
      assertEquals(valuesOf(await get("/"), "x-generation"), ["new"]);
      await until("there was more traffic", () => answers.length > 150);
      stopped = true;
      await traffic;

      assertEquals(replaced, false, "the old one still has a request");
      const waited = parseMessage(await waiting);
      assertEquals([waited.status, waited.body], [200, "okold"]);
      finish();
      await client.closed();
      const streamed = parseMessage(client.received);
      assertEquals([streamed.complete, streamed.body], [true, "beginendold"]);
      await within(old, "the old module to be over");
      const bodies = new Map<string, number>();
      for (const answer of answers) {
        const { body } = parseMessage(answer);
        bodies.set(body, (bodies.get(body) ?? 0) + 1);
      }
      assertEquals([...bodies.keys()].sort(), ["oknew", "okold"]);
      assert(entries.every(({ status, flag }) => status === 200 && flag === "-"), "no request failed");
      await running.stop(0);
    },
  );
}

e2e("SIGHUP: a changed text takes effect, a broken one changes nothing, a wider net is refused", async () => {
  using folder = tempFolder();
  await using origin = httpOrigin(() => new Response("ok"));
  const text = async (generation: string, net = "") => {
    const upstreams = `upstreams: Peer[] = [{ address: "${origin.address}" }];`;
    return (await textOf(generation)).replace(/upstreams: Peer\[\].*/, `${upstreams}\n${net}`);
  };
  const file = folder.write("module.ts", await text("one"));
  const flags = [`--allow-net=127.0.0.1:0,${origin.address}`, `--allow-read=${folder.path},src`];
  await using proxy = start(flags, ["run", "--sandbox", file, "--listen", "127.0.0.1:0"]);
  const address = (await ready(proxy)).replace("http://", "");
  const generation = async () => {
    const answer = await send(address, requestText("GET", "/"));
    assertEquals(statusOf(answer), 200);
    return valuesOf(answer, "x-generation")[0];
  };
  const hangUp = async (said: RegExp) => {
    const from = proxy.err.all.length;
    proxy.kill("SIGHUP");
    return (await within(proxy.err.find(said, from), `a line ${said}`, 20_000))[0];
  };
  assertEquals(await generation(), "one");

  folder.write("module.ts", await text("two"));
  await hangUp(/^reloaded .*module\.ts/);
  assertEquals(await generation(), "two");

  folder.write("module.ts", "export function requestFilter( {");
  assertStringIncludes(await hangUp(/^not reloaded.*/), "module.ts");
  assertEquals(await generation(), "two");

  folder.write("module.ts", `export {}; throw new Error("broken at the top");`);
  assertStringIncludes(await hangUp(/^not reloaded.*/), "broken at the top");
  assertEquals(await generation(), "two");

  folder.write("module.ts", await text("three", `export const net = ["${origin.address}", "127.0.0.1:9"];`));
  assertStringIncludes(await hangUp(/^not reloaded.*/), "127.0.0.1:9");
  assertEquals(await generation(), "two");

  folder.write("module.ts", await text("four"));
  await hangUp(/^reloaded .*module\.ts/);
  assertEquals(await generation(), "four");
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
});
