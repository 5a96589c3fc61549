/**
 * Which permissions a function of the runtime is going to ask for.
 *
 * A sandboxed module is told no before Deno is asked, as Deno would ask the person at the terminal when it was not
 * started with `--no-prompt`.
 *
 * @module
 */

/** Functions of the `Deno` namespace that Deno allows or refuses by permission, with its kind. */
export const BY_PERMISSION: Readonly<Record<string, "read" | "write" | "net" | "sys" | "ffi">> = {
  ...Object.fromEntries(
    ["readTextFile", "readFile", "readDir", "readLink", "realPath", "stat", "lstat", "open", "copyFile"]
      .flatMap((name) => [[name, "read"], [`${name}Sync`, "read"]]),
  ),
  ...Object.fromEntries(
    [
      ...["writeTextFile", "writeFile", "mkdir", "remove", "rename", "create", "truncate"],
      ...["makeTempDir", "makeTempFile"],
    ].flatMap((name) => [[name, "write"], [`${name}Sync`, "write"]]),
  ),
  cwd: "read",
  watchFs: "read",
  ...{ connect: "net", connectTls: "net", resolveDns: "net", createHttpClient: "net", startTls: "net" },
  ...{
    hostname: "sys",
    osRelease: "sys",
    osUptime: "sys",
    systemMemoryInfo: "sys",
    networkInterfaces: "sys",
  },
  ...{ loadavg: "sys", gid: "sys", uid: "sys" },
  dlopen: "ffi",
};

/** A permission, in the words of `Deno.permissions`. */
export type Asked = Deno.PermissionDescriptor;

/** What a function of that name asks for, called with these arguments. */
export function askedFor(name: string, args: readonly unknown[]): Asked[] {
  const [first, second, third] = args;
  switch (BY_PERMISSION[name]) {
    case "net":
      return askedByNet(name, first, third);
    case "sys":
      return [{ name: "sys", kind: name } as Asked];
    case "ffi":
      return [{ name: "ffi", path: path(first) }];
    case "write":
      if (name.startsWith("makeTemp")) {
        const { dir } = (first ?? {}) as { dir?: string };
        return [{ name: "write", ...(dir === undefined ? {} : { path: dir }) }];
      }
      if (name.startsWith("rename")) {
        return [
          { name: "read", path: path(first) },
          ...[first, second].map((one): Asked => ({ name: "write", path: path(one) })),
        ];
      }
      return [{ name: "write", path: path(first) }];
    default:
      return askedByRead(name, first, second);
  }
}

function askedByRead(name: string, first: unknown, second: unknown): Asked[] {
  if (name === "cwd") return [{ name: "read", path: "." }];
  const paths = Array.isArray(first) ? first : [first];
  const all = paths.map((one): Asked => ({ name: "read", path: path(one) }));
  if (name.startsWith("copyFile")) return [...all, { name: "write", path: path(second) }];
  if (name.startsWith("open") && second !== undefined) {
    const { read, write, append, create, createNew, truncate } = second as Deno.OpenOptions;
    if (write || append || create || createNew || truncate) {
      return [...(read ? all : []), { name: "write", path: path(first) }];
    }
  }
  return all;
}

function askedByNet(name: string, first: unknown, third: unknown): Asked[] {
  if (name === "startTls") return [];
  if (name === "resolveDns") {
    const { ipAddr, port = 53 } = (third as Deno.ResolveDnsOptions | undefined)?.nameServer ?? {};
    // Without one it is the system's, which is not told.
    return [{ name: "net", ...(ipAddr === undefined ? {} : { host: hostOf(ipAddr, port) }) }];
  }
  const options = (name === "createHttpClient" ? (first as { proxy?: unknown })?.proxy : first) as {
    transport?: string;
    url?: string;
    path?: string;
    hostname?: string;
    port?: number;
  } | undefined;
  if (options === undefined) return [];
  const { url, transport, path, hostname = "127.0.0.1", port = 443 } = options;
  if (url !== undefined) return askedByUrl(url);
  if (path !== undefined || transport === "unix") {
    return [{ name: "read", path: String(path) }, { name: "write", path: String(path) }];
  }
  return [{ name: "net", host: hostOf(hostname, port) }];
}

/** What it takes to reach a URL. */
export function askedByUrl(url: string): Asked[] {
  const { protocol, hostname, port } = new URL(url);
  if (protocol === "data:" || protocol === "blob:") return [];
  if (protocol === "file:") return [{ name: "read", path: new URL(url) }];
  return [{ name: "net", host: `${hostname}:${port || (/^(?:https|wss):$/.test(protocol) ? 443 : 80)}` }];
}

function hostOf(hostname: string, port: number): string {
  return hostname.includes(":") && !hostname.startsWith("[")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

function path(value: unknown): string | URL {
  return value instanceof URL ? value : String(value);
}
