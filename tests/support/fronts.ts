/**
 * Tests that hold for both fronts.
 *
 * @module
 */

/** The name of a front, as the setting of a listener has it. */
export type FrontName = "serve" | "tcp";

/** Every front there is. */
export const FRONTS: readonly FrontName[] = ["serve", "tcp"];

/** For those cases of a table that would show nothing new on another front. */
export const SERVE: readonly FrontName[] = ["serve"];

/** A test for each front; where the two rightly differ, it says so. */
export function onBothFronts(
  name: string,
  test: (front: FrontName, t: Deno.TestContext) => Promise<void>,
  fronts: readonly FrontName[] = FRONTS,
): void {
  for (const front of fronts) Deno.test(`${name} (${front})`, (t) => test(front, t));
}
