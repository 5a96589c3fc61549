/**
 * The version, from `deno.json`.
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };

/** The version of Postern. */
export const VERSION: string = config.version;
