/**
 * Programs that a test needs and not every machine has.
 *
 * @module
 */
import { MAY_RUN, outcome } from "./process.ts";

/** Whether a program is there and may be started. */
export async function hasTool(name: string): Promise<boolean> {
  if (!MAY_RUN) return false;
  try {
    return (await outcome([name, "--version"])).code === 0;
  } catch {
    return false;
  }
}
