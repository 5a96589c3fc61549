import { assert, assertEquals } from "@std/assert";
import { LoadBalancer } from "../../src/mod.ts";
import { adminSource, testAdmin } from "../support/admin.ts";
import { accessibilityProblems, browse, BROWSER } from "../support/browser.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask } from "../support/group.ts";
import { e2e } from "../support/process.ts";
import { testProxy } from "../support/proxy.ts";

const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

function group(addresses: readonly string[]): LoadBalancer {
  return new LoadBalancer(addresses.map((address) => ({ address })), {
    name: "web",
    health: { interval: 200, timeout: 1_000 },
  });
}

/** Where screenshots are kept, if anybody wants to look at them. */
const shots = Deno.permissions.querySync({ name: "env" }).state === "granted"
  ? Deno.env.get("POSTERN_SCREENSHOTS")
  : undefined;

e2e(
  "the page is sound for screen readers, in two widths and both themes, and does not scroll sideways",
  async () => {
    await using a = busyOrigin("a");
    const web = group([a.address, "127.0.0.1:1"]);
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
    const looks = Object.entries(SIZES).flatMap(([name, viewport]) =>
      (["light", "dark"] as const).map((colorScheme) => ({ name, options: { viewport, colorScheme } }))
    );
    await browse(looks.map(({ name, options }) => ({
      options,
      async look(page) {
        await page.goto(admin.url);
        await page.locator("#live", { hasText: /^live$/ }).waitFor();
        if (shots) {
          await page.screenshot({ path: `${shots}/${name}-${options.colorScheme}.png`, fullPage: true });
        }
        assertEquals(await accessibilityProblems(page), [], `${name} ${options.colorScheme}`);
        const width = await page.evaluate<number>("document.documentElement.scrollWidth");
        assert(width <= options.viewport.width, `${name}: ${width} wide`);
      },
    })));
  },
);

e2e("a backend that dies while the page is open turns red within three seconds", async () => {
  await using stays = busyOrigin("stays");
  const dies = busyOrigin("dies");
  const web = group([stays.address, dies.address]);
  await using _proxy = testProxy({ upstreamPeer: web.select, backgroundServices: web.services });
  await using admin = testAdmin(adminSource({ groups: [web] }), "t");
  const state = `tr:has-text("${dies.address}") .state`;
  await browse([{
    options: {},
    async look(page) {
      await page.goto(admin.url);
      await page.locator(state, { hasText: "UP" }).waitFor();
      await dies[Symbol.asyncDispose]();
      const killedAt = performance.now();
      await page.locator(state, { hasText: "DOWN" }).waitFor({ timeout: 3_000 });
      assert(performance.now() - killedAt < 3_000);
      const colour = await page.evaluate<string>("getComputedStyle(document.querySelector('.down')).color");
      assertEquals(colour, "rgb(161, 22, 22)");
    },
  }]);
}, [BROWSER]);

e2e("a backend is drained and enabled by keyboard, and the focus stays", async () => {
  await using origin = busyOrigin("a");
  const web = group([origin.address, "127.0.0.1:1"]);
  await using admin = testAdmin(adminSource({ groups: [web] }), "t0ken");
  await browse([{
    options: {},
    async look(page) {
      await page.goto(admin.url);
      await page.getByLabel("Token for actions").fill("t0ken");
      const drain = page.getByRole("button", { name: `drain ${origin.address} of web` });
      await drain.focus();
      await page.keyboard.press("Enter");
      await page.locator("#result", { hasText: "is draining" }).waitFor();
      assertEquals(web.backends[0]!.admin, "draining");
      await page.getByRole("button", { name: `enable ${origin.address} of web` }).press("Enter");
      await page.locator("#result", { hasText: "is enabled" }).waitFor();
      assertEquals(web.backends[0]!.admin, "enabled");
      assertEquals(await page.getByLabel("Token for actions").inputValue(), "t0ken");
    },
  }]);
}, [BROWSER]);

e2e("without JavaScript the page shows the same and its buttons work", async () => {
  const web = group(["127.0.0.1:1"]);
  await using admin = testAdmin(adminSource({ groups: [web] }), "t0ken");
  await browse([{
    options: { javaScriptEnabled: false },
    async look(page) {
      await page.goto(admin.url);
      assertEquals(await page.locator("tr .state").textContent(), "NO CHECK");
      await page.getByLabel("Token for actions").fill("t0ken");
      await page.getByRole("button", { name: "drain 127.0.0.1:1 of web" }).click();
      assertEquals(await page.locator("tr .state").textContent(), "DRAIN");
    },
  }]);
}, [BROWSER]);
