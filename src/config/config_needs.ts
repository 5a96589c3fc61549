/**
 * What a configuration needs to be granted, each with the place that asks for it.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Need } from "../sandbox/needs.ts";
import { missing } from "../sandbox/verify.ts";
import { formatAddress, parseAddress } from "../upstream/address.ts";
import { fromFolder, isUrl, namedFiles } from "./files.ts";
import type { LoadedConfig } from "./load.ts";
import type { Complaint, Path } from "./problem.ts";

/** One permission that has to be granted, and what asks for it. */
export interface ConfigNeed extends Need {
  /** What asks for it. */
  readonly path: Path;
}

/**
 * Everything that a configuration needs by itself; what its hook modules declare comes on top. Members that a discovery
 * finds are not known beforehand.
 */
export function configNeeds({ config, file, folder }: LoadedConfig): ConfigNeed[] {
  const needs: ConfigNeed[] = [];
  const net = (path: Path, why: string, address: string) => {
    const parsed = parseAddress(address);
    needs.push({ kind: "net", value: formatAddress(parsed), why, path });
    if (parsed.transport === "tcp") return;
    // Deno asks for the file of a Unix socket too.
    for (const kind of ["read", "write"] as const) {
      needs.push({ kind, value: parsed.path, why: `socket: ${why}`, path });
    }
  };
  for (const [i, { address, redirectHttp }] of config.listeners.entries()) {
    net(["listeners", i, "address"], "listens there", address);
    if (redirectHttp !== undefined) net(["listeners", i, "redirectHttp"], "listens there", redirectHttp);
  }
  if (config.admin !== undefined) net(["admin", "listen"], "admin", config.admin.listen);
  for (const [name, { members = [], check, discovery }] of Object.entries(config.groups ?? {})) {
    const port = check === false ? undefined : check?.http?.port;
    for (const [i, member] of members.entries()) {
      const address = typeof member === "string" ? member : member.address;
      const path = ["groups", name, "members", i];
      net(path, `upstream of ${name}`, address);
      const parsed = parseAddress(address);
      if (port === undefined || parsed.transport !== "tcp") continue;
      net(path, `checks of ${name}`, formatAddress({ ...parsed, port }));
    }
    const nameServer = discovery?.dns?.nameServer;
    const path = ["groups", name, "discovery", "dns", "nameServer"];
    if (nameServer !== undefined) net(path, "name server", nameServer);
  }
  const rules: [Path, Pick<typeof config.routes[number], "forwardAuth" | "jwt">][] = config.routes
    .map((route, i) => [["routes", i], route]);
  if (config.defaults !== undefined) rules.push([["defaults"], config.defaults]);
  for (const [path, { forwardAuth, jwt }] of rules) {
    if (forwardAuth) net([...path, "forwardAuth", "url"], "forwardAuth", addressOf(forwardAuth.url));
    if (jwt && isUrl(jwt.jwks)) net([...path, "jwt", "jwks"], "keys of tokens", addressOf(jwt.jwks!));
  }
  if (config.redis !== undefined) net(["redis", "url"], "redis", addressOf(config.redis.url, 6379));
  needs.push({ kind: "read", value: file, why: "the configuration", path: [] });
  for (const { path, file, why } of namedFiles(config, folder)) {
    needs.push({ kind: "read", value: why === "hooks" ? dirname(file) : file, why, path });
  }
  const log = config.logs?.access?.file;
  if (log !== undefined) {
    const path = ["logs", "access", "file"];
    needs.push({ kind: "write", value: fromFolder(folder, log), why: "access log", path });
  }
  return needs;
}

/** The needs that this process was not granted, told where they come from. */
export function notGranted(needs: readonly ConfigNeed[]): Complaint[] {
  return (missing(needs) as ConfigNeed[]).map(({ kind, value, path }) => ({
    path,
    found: `${kind === "net" ? value : `${kind} of ${value}`} is not granted`,
    hint: `add --allow-${kind}=${value}`,
  }));
}

/** Each permission once, the first reason with it. */
export function distinctNeeds(needs: readonly ConfigNeed[]): ConfigNeed[] {
  const seen = new Set<string>();
  return needs.filter(({ kind, value }) => !seen.has(`${kind}=${value}`) && seen.add(`${kind}=${value}`));
}

function addressOf(url: string, defaultPort?: number): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (defaultPort ?? (protocol === "https:" ? 443 : 80))}`;
}
