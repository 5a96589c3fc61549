/**
 * Configurations under test, from their text.
 *
 * @module
 */
import { buildPlan } from "../../src/config/build.ts";
import { checkConfig } from "../../src/config/load.ts";
import type { Plan } from "../../src/config/plan.ts";
import { ConfigError } from "../../src/config/problem.ts";

/** The plan of a configuration that names no files. */
export async function planOf(text: string): Promise<Plan> {
  return await buildPlan(await checkConfig("postern.yaml", text));
}

/** What is wrong with a configuration, a line each; empty when nothing is. */
export async function problemsOf(text: string): Promise<string[]> {
  try {
    await planOf(text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n");
  }
}
