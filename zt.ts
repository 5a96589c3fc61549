import { loadConfig } from "./src/config/load.ts";
try { const l = await loadConfig(Deno.args[0]!); console.log(JSON.stringify(l.config, null, 1), l.warnings) } catch (e) { console.log((e as Error).message) }
