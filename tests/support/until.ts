/**
 * Waiting for what no event tells.
 *
 * @module
 */

/** Waits until `condition` holds; fails after ten seconds, saying what was waited for. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const giveUp = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > giveUp) throw new Error(`Waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
