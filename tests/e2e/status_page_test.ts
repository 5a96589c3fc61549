import { assertEquals } from "@std/assert";
import { LoadBalancer } from "../../src/mod.ts";
import { adminSource, testAdmin } from "../support/admin.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask } from "../support/group.ts";
import { e2e, Process } from "../support/process.ts";
import { testProxy } from "../support/proxy.ts";

const BROWSER = "chromium";
const RED = "rgb(161, 22, 22)";

function group(addresses: readonly string[]): LoadBalancer {
  return new LoadBalancer(addresses.map((address) => ({ address })), {
    name: "web",
    health: { interval: 200, timeout: 1_000 },
  });
}

/** A browser that looks at the page; see `status_page_program.ts`. */
function look(...args: string[]): Process {
  const program = "tests/support/status_page_program.ts";
  return new Process([Deno.execPath(), "run", "--no-check", "--allow-all", program, ...args]);
}

/** What the browser said, when it is done. */
async function said(process: Process): Promise<string[]> {
  const code = await process.exit();
  if (code !== 0) throw new Error(process.err.all.join("\n"));
  return process.out.all;
}

e2e(
  "the page is sound for screen readers, in two widths and both themes, and does not scroll sideways",
  async () => {
    await using origin = busyOrigin("a");
    const web = group([origin.address, "127.0.0.1:1"]);
    web.setAdmin("127.0.0.1:1", "draining");
    const source = adminSource({
      groups: [web],
      routes: [{ name: "api", match: "api.example /v1/*", action: "to web", group: "web" }],
      modules: [{
        name: "./auth.ts",
        hooks: ["requestFilter", "responseFilter"],
        sandboxed: true,
        net: ["127.0.0.1:9"],
        permissions: [],
      }],
    });
    await using proxy = testProxy({
      upstreamPeer: (session) =>
        session.request.target === "/bad" ? { address: "127.0.0.1:1" } : web.select(session),
    });
    for (let i = 0; i < 20; i++) await ask(proxy);
    await ask(proxy, "/bad");
    for (const entry of proxy.entries) source.metrics.add({ ...entry, route: "api" });
    await using admin = testAdmin(source, "t");
    await using browser = look("sound", admin.url);
    assertEquals(await said(browser), []);
  },
  [BROWSER],
);

e2e("a backend that dies while the page is open turns red within three seconds", async () => {
  await using stays = busyOrigin("stays");
  const dies = busyOrigin("dies");
  const web = group([stays.address, dies.address]);
  await using _proxy = testProxy({ upstreamPeer: web.select, backgroundServices: web.services });
  await using admin = testAdmin(adminSource({ groups: [web] }), "t");
  await using browser = look("dies", admin.url, dies.address);
  await browser.out.find(/^up$/);
  await dies[Symbol.asyncDispose]();
  assertEquals((await said(browser)).at(-1), `${RED} in time`);
}, [BROWSER]);

e2e("a backend is drained and enabled by keyboard, and the focus stays", async () => {
  await using origin = busyOrigin("a");
  const web = group([origin.address, "127.0.0.1:1"]);
  await using admin = testAdmin(adminSource({ groups: [web] }), "t0ken");
  await using browser = look("keys", admin.url, origin.address, "t0ken");
  assertEquals(await said(browser), [
    `${origin.address} of web is draining`,
    `${origin.address} of web is enabled`,
  ]);
  assertEquals(web.backends[0]!.admin, "enabled");
}, [BROWSER]);

e2e("without JavaScript the page shows the same and its buttons work", async () => {
  const web = group(["127.0.0.1:1"]);
  await using admin = testAdmin(adminSource({ groups: [web] }), "t0ken");
  await using browser = look("plain", admin.url, "127.0.0.1:1", "t0ken");
  assertEquals(await said(browser), ["NO CHECK", "DRAIN"]);
}, [BROWSER]);
