// Noticing that the files of a configuration have changed.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { e2e, ready, start, tempFolder } from "../support/process.ts";
import { within } from "../support/wire.ts";

const FLAGS = ["--allow-net=127.0.0.1", "--allow-read"];
const hook = (text: string) =>
  `export const net: string[] = [];
   export function requestFilter() { return new Response("${text}"); }`;
const config = (hooks: string) =>
  `listeners: [{ address: "127.0.0.1:0" }]
routes: [{ hooks: [${hooks}], respond: { body: none } }]
`;

e2e("--watch heeds a hook in another folder that came by a reload", async () => {
  using folder = tempFolder();
  await Deno.mkdir(`${folder.path}/hooks`);
  folder.write("hooks/hook.ts", hook("one"));
  const file = folder.write("postern.yaml", config(""));
  await using proxy = start(FLAGS, ["run", "-c", file, "--watch"]);
  const url = await ready(proxy);
  assertEquals(await (await fetch(url)).text(), "none");
  folder.write("postern.yaml", config("{ module: hooks/hook.ts }"));
  await proxy.err.find(/^reloaded/);
  assertEquals(await (await fetch(url)).text(), "one");
  const from = proxy.err.all.length;
  folder.write("hooks/hook.ts", hook("two"));
  await within(proxy.err.find(/^reloaded/, from), "a reload");
  assertEquals(await (await fetch(url)).text(), "two");
});

e2e("a file that is gone changes nothing, and is taken over when it is back", async () => {
  using folder = tempFolder();
  const text = (body: string) =>
    `listeners: [{ address: "127.0.0.1:0" }]\nroutes: [{ respond: { body: ${body} } }]\n`;
  const file = folder.write("postern.yaml", text("one"));
  await using proxy = start(FLAGS, ["run", "-c", file, "--watch"]);
  const url = await ready(proxy);
  await Deno.remove(file);
  const told = await within(proxy.err.find(/^not reloaded/), "a refusal");
  assertStringIncludes(told.input, "stays in use");
  assertStringIncludes(proxy.err.all.at(-2)!, "postern.yaml");
  assertEquals(await (await fetch(url)).text(), "one");
  folder.write("postern.yaml", text("two"));
  await within(proxy.err.find(/^reloaded/), "a reload");
  assertEquals(await (await fetch(url)).text(), "two");
  // Several at once come one after the other; those that come while it stops do no harm.
  for (let i = 0; i < 5; i++) proxy.kill("SIGHUP");
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
});
