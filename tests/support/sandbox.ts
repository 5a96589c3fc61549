/**
 * Sandboxed modules under test.
 *
 * @module
 */
import type { ProxyModule } from "../../src/mod.ts";
import { inspectModule, type SandboxOptions, startSandboxed } from "../../src/sandbox/sandboxed_module.ts";

/** Loads a module of `tests/support/modules/`, or one at a path, into workers; its upstream is `upstream`. */
export async function sandboxed(
  file: string,
  upstream: string | readonly string[],
  options: SandboxOptions = {},
): Promise<ProxyModule> {
  const url = file.startsWith("/") ? `file://${file}` : new URL(`./modules/${file}`, import.meta.url).href;
  const addresses = typeof upstream === "string" ? [upstream] : upstream;
  const inspected = await inspectModule(url, file.split("/").at(-1)!);
  const peers = addresses.map((address) => ({ address }));
  return (await startSandboxed(inspected, addresses, peers, options)).module;
}
