/**
 * A real browser.
 *
 * @module
 */
import axe from "axe-core";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** The program. */
export const BROWSER = "chromium";

/** Opens a page for each look, one after the other. */
export async function browse(
  looks: readonly { options: BrowserContextOptions; look: (page: Page) => Promise<void> }[],
): Promise<void> {
  const browser = await chromium.launch({ executablePath: `/usr/bin/${BROWSER}`, args: ["--no-sandbox"] });
  try {
    for (const { options, look } of looks) {
      const context = await browser.newContext({ bypassCSP: true, ...options });
      try {
        await look(await context.newPage());
      } finally {
        await context.close();
      }
    }
  } finally {
    await browser.close();
  }
}

/** What axe finds wrong with a page: rule and element. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  // Runs in the page.
  const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}
