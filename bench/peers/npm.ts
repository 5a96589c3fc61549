/**
 * Proxies from the npm registry, installed at the first use into bench/node_modules.
 *
 * @module
 */
import { messageOf, note } from "../cleanup.ts";
import { Missing, PROXY_CORE, run, type SpawnOptions } from "../process.ts";
import { freePort, type Server, startServer } from "../server.ts";

const BENCH = new URL("..", import.meta.url).pathname;
/** All in one call, as npm without a package.json takes out what it was not told of. */
const PACKAGES = { "http-proxy": "1.18.1", "fast-proxy": "2.2.0" };

/** A package that is used, with its version. */
export function npmLabel(name: keyof typeof PACKAGES): string {
  return `${name} ${PACKAGES[name]}`;
}

/** Node with its version. */
export async function nodeLabel(): Promise<string> {
  return `Node ${(await run(["node", "--version"], 10)).output.trim().slice(1)}`;
}

/**
 * Runs one of the scripts beside this file as `SCRIPT PORT ORIGIN`.
 *
 * @param runtime The program that runs scripts, with its options.
 * @throws {Missing} when the runtime, npm or the registry is missing
 */
export async function startScript(
  runtime: readonly [string, ...string[]],
  script: string,
  origin: string,
  env: SpawnOptions["env"] = {},
): Promise<Server> {
  await install();
  const port = freePort();
  const command: [string, ...string[]] = [...runtime, `${BENCH}peers/${script}`, `${port}`, origin];
  return await startServer(command, port, { core: PROXY_CORE, env });
}

async function install(): Promise<void> {
  const wanted = Object.entries(PACKAGES);
  const found = await Promise.all(wanted.map(([name]) => installedVersion(name)));
  if (wanted.every(([, version], i) => found[i] === version)) return;
  const names = wanted.map(([name, version]) => `${name}@${version}`);
  note(`installing ${names.join(" and ")} into ${BENCH}node_modules`);
  const flags = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
  try {
    await run(["npm", "install", "--prefix", BENCH, ...flags, ...names], 120);
  } catch (error) {
    if (error instanceof Missing) throw error;
    const message = messageOf(error);
    throw new Missing(`npm cannot install it: ${/npm \w+ code (\S+)/.exec(message)?.[1] ?? message}`);
  }
}

async function installedVersion(name: string): Promise<string | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(`${BENCH}node_modules/${name}/package.json`)).version;
  } catch {
    return undefined;
  }
}
