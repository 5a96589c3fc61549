/**
 * A real browser in front of the status page; a program of its own, as what drives the browser asks for all permissions.
 * Arguments: what to look at, the URL, and words for that. It prints what is wrong, or what is asked for.
 *
 * @module
 */
import axe from "axe-core";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

const [what = "", url = "", address = "", token = ""] = Deno.args;
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
/** Where screenshots are kept, if anybody wants to look at them. */
const shots = Deno.env.get("POSTERN_SCREENSHOTS");

const LOOKS: Record<string, () => Promise<void>> = { sound, dies, keys, plain };
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  await LOOKS[what]!();
} finally {
  await browser.close();
}

async function open(options: BrowserContextOptions): Promise<Page> {
  // For axe, which is put into the page.
  const context = await browser.newContext({ bypassCSP: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(url);
  return page;
}

/** The page in both widths and both themes. */
async function sound(): Promise<void> {
  for (const [name, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await open({ viewport, colorScheme });
      await page.locator("#live", { hasText: /^live$/ }).waitFor();
      if (shots) await page.screenshot({ path: `${shots}/${name}-${colorScheme}.png`, fullPage: true });
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
      for (const { id, nodes } of violations) {
        for (const { target } of nodes) say(`${name} ${colorScheme}: ${id}: ${target.join(" ")}`);
      }
      const width = await page.evaluate<number>("document.documentElement.scrollWidth");
      if (width > viewport.width) say(`${name} ${colorScheme}: it is ${width} wide`);
      await page.context().close();
    }
  }
}

/** A backend that dies while the page is open. */
async function dies(): Promise<void> {
  const page = await open({});
  const state = page.locator(`tr:has-text("${address}") .state`);
  await state.filter({ hasText: "UP" }).waitFor();
  say("up");
  const from = performance.now();
  await state.filter({ hasText: "DOWN" }).waitFor();
  const colour = await page.evaluate<string>("getComputedStyle(document.querySelector('.down')).color");
  say(`${colour} ${performance.now() - from < 3_000 ? "in time" : "late"}`);
}

/** Draining and enabling by keyboard. */
async function keys(): Promise<void> {
  const page = await open({});
  await page.getByLabel("Token for actions").fill(token);
  for (const [action, state] of [["drain", "draining"], ["enable", "enabled"]]) {
    const button = page.getByRole("button", { name: `${action} ${address} of web` });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.locator("#result", { hasText: `is ${state}` }).waitFor();
    say((await page.locator("#result").textContent())!.trim());
  }
}

/** Without JavaScript. */
async function plain(): Promise<void> {
  const page = await open({ javaScriptEnabled: false });
  say((await page.locator("tr .state").textContent())!);
  await page.getByLabel("Token for actions").fill(token);
  await page.getByRole("button", { name: `drain ${address} of web` }).click();
  say((await page.locator("tr .state").textContent())!);
}

function say(line: string): void {
  // deno-lint-ignore no-console
  console.log(line);
}
