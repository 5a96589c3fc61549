/**
 * What is measured, and the check that a proxy does it at all.
 *
 * @module
 */

/** One kind of load. */
export interface Case {
  /** For `--case`. */
  name: string;
  /** For the report. */
  title: string;
  /** The path asked for. */
  path: string;
  /** Which way its bytes go. */
  kind: "download" | "upload";
  /** Bytes of the body. */
  size: number;
  /** Connections kept busy. */
  connections: number;
}

/** All cases. */
export const CASES: readonly Case[] = [
  { name: "get12", title: "GET 12 bytes", path: "/12", kind: "download", size: 12, connections: 64 },
  { name: "get100k", title: "GET 100 KB", path: "/100k", kind: "download", size: 100 << 10, connections: 64 },
  { name: "get10m", title: "GET 10 MB", path: "/10m", kind: "download", size: 10 << 20, connections: 16 },
  { name: "upload1m", title: "POST 1 MB", path: "/upload", kind: "upload", size: 1 << 20, connections: 16 },
];

/**
 * Sends one request of the case.
 *
 * @throws {Error} when the answer is not the right one
 */
export async function check({ path, kind, size }: Case, port: number): Promise<void> {
  const up = kind === "upload";
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: up ? "POST" : "GET",
    ...(up ? { body: new Uint8Array(size) } : {}),
    signal: AbortSignal.timeout(10_000),
  });
  const bytes = await response.bytes();
  // The origin answers an upload with the length of what it received, head included.
  const seen = up ? Number(new TextDecoder().decode(bytes)) : bytes.length;
  const right = response.status === 200 && (up ? seen >= size && seen < size + 4096 : seen === size);
  if (!right) throw new Error(`${path} gives status ${response.status} and ${seen} bytes instead of ${size}`);
}
