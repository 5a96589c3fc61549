/**
 * A configuration that has been looked at from all sides.
 *
 * @module
 */
import type { ConfigNeed } from "../config/config_needs.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Plan } from "../config/plan.ts";
import type { Loaded } from "./loaded.ts";

/** A configuration with its hook modules, ready to be run. */
export interface Runnable {
  /** The file. */
  readonly loaded: LoadedConfig;
  /** What it comes to. */
  readonly plan: Plan;
  /** What has to be granted. */
  readonly needs: readonly ConfigNeed[];
  /** Its hook modules, by `hookKey`. */
  readonly modules: ReadonlyMap<string, Loaded>;
}
