/**
 * What names what: groups, listeners, addresses, routes.
 *
 * @module
 */
import { plainHost } from "../proxy/router.ts";
import { entriesOf, isMapping, type Mapping, mappingsOf } from "./combinations.ts";
import { type Complaint, foundText, meant, type Path } from "./problem.ts";

/**
 * Names that lead nowhere, that are given twice, or that nothing leads to; looks at a file that may be wrong in other
 * ways too.
 *
 * @param lineOf The line of something in the file, for messages that speak of two places.
 */
export function referenceComplaints(file: Mapping, lineOf: (path: Path) => number): Complaint[] {
  const groups = isMapping(file.groups) ? Object.keys(file.groups) : [];
  const routes = mappingsOf(file.routes);
  const used = new Set(routes.map(([, { to }]) => to));
  return [
    ...routes.flatMap(([i, { to }]): Complaint[] =>
      typeof to !== "string" || groups.includes(to)
        ? []
        : [{ path: ["routes", i, "to"], found: foundText(to), allowed: groups, hint: meant(to, groups) }]
    ),
    ...groups.filter((name) => !used.has(name)).map((name): Complaint => ({
      path: ["groups", name],
      isKey: true,
      found: "no route leads to it",
      isWarning: true,
    })),
    ...unknownListeners(file, routes),
    ...twice("address", addressesOf(file), lineOf),
    ...twice("name", listenerNames(file), lineOf),
    ...entriesOf(file.groups).flatMap(([name, group]) => twice("member", membersOf(name, group), lineOf)),
    ...twice("route name", namesOf(routes), lineOf),
    ...sameMatches(routes, lineOf),
  ];
}

function listenerNames(file: Mapping): [string, Path][] {
  return mappingsOf(file.listeners).flatMap(([i, { name, address }]): [string, Path][] => {
    if (typeof name === "string") return [[name, ["listeners", i, "name"]]];
    return typeof address === "string" ? [[address, ["listeners", i, "address"]]] : [];
  });
}

function unknownListeners(file: Mapping, routes: [number, Mapping][]): Complaint[] {
  const known = listenerNames(file).map(([name]) => name);
  return routes.flatMap(([i, { match }]): Complaint[] => {
    const listener = isMapping(match) ? match.listener : undefined;
    if (typeof listener !== "string" || known.includes(listener)) return [];
    return [{
      path: ["routes", i, "match", "listener"],
      found: foundText(listener),
      allowed: known,
      hint: meant(listener, known),
    }];
  });
}

/** Everything that is listened on. Port 0 is another one each time. */
function addressesOf(file: Mapping): [string, Path][] {
  const found: [unknown, Path][] = mappingsOf(file.listeners).flatMap(([i, { address, redirectHttp }]) => [
    [address, ["listeners", i, "address"]],
    [redirectHttp, ["listeners", i, "redirectHttp"]],
  ]);
  if (isMapping(file.admin)) found.push([file.admin.listen, ["admin", "listen"]]);
  return found.filter((entry): entry is [string, Path] =>
    typeof entry[0] === "string" && !entry[0].endsWith(":0")
  );
}

function membersOf(group: string, { members }: Mapping): [string, Path][] {
  if (!Array.isArray(members)) return [];
  return members.flatMap((member: unknown, i): [string, Path][] => {
    const address = isMapping(member) ? member.address : member;
    return typeof address === "string" ? [[address, ["groups", group, "members", i]]] : [];
  });
}

function namesOf(routes: [number, Mapping][]): [string, Path][] {
  return routes.flatMap(([i, { name }]): [string, Path][] =>
    typeof name === "string" ? [[name, ["routes", i, "name"]]] : []
  );
}

function twice(what: string, given: [string, Path][], lineOf: (path: Path) => number): Complaint[] {
  const first = new Map<string, Path>();
  return given.flatMap(([text, path]): Complaint[] => {
    const before = first.get(text);
    first.set(text, before ?? path);
    if (before === undefined) return [];
    return [{ path, found: `${foundText(text)}, the same ${what} as in line ${lineOf(before)}` }];
  });
}

/** Routes of which the second never gets a request, as the first is for the same ones. */
function sameMatches(routes: [number, Mapping][], lineOf: (path: Path) => number): Complaint[] {
  const first = new Map<string, number>();
  const found: Complaint[] = [];
  for (const [i, { match = {} }] of routes) {
    if (!isMapping(match)) continue;
    const { host, path, method, header, listener } = match;
    const rest = JSON.stringify([path ?? "/*", sorted(method), entries(header), listener ?? ""]);
    const before = hostsOf(host).map((name) => first.get(`${name} ${rest}`)).find((line) =>
      line !== undefined
    );
    if (before !== undefined) {
      found.push({
        path: ["routes", i],
        found: `it matches the same requests as routes[${before}] in line ${lineOf(["routes", before])}`,
        allowed: "another host, path, method or header",
      });
    }
    for (const name of hostsOf(host)) if (!first.has(`${name} ${rest}`)) first.set(`${name} ${rest}`, i);
  }
  return found;
}

function hostsOf(host: unknown): string[] {
  const all = Array.isArray(host) ? host : [host ?? "*"];
  return all.filter((name) => typeof name === "string").map(plainHost);
}

function sorted(value: unknown): unknown[] {
  return (Array.isArray(value) ? value : [value ?? ""]).toSorted();
}

function entries(value: unknown): unknown[] {
  return isMapping(value)
    ? Object.entries(value).map(([key, v]) => `${key.toLowerCase()}=${v}`).toSorted()
    : [];
}
