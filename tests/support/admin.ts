/**
 * Admin listeners under test.
 *
 * @module
 */
import { Admin } from "../../src/admin/admin.ts";
import type { AdminSource } from "../../src/admin/source.ts";
import { Counters } from "../../src/mod.ts";
import { Metrics } from "../../src/observe/metrics.ts";

/** What is shown of a proxy, in its simplest form. */
export function adminSource(more: Partial<AdminSource> = {}): AdminSource {
  return {
    startedAt: 1_000,
    metrics: new Metrics(),
    counters: new Counters(),
    idleConnections: 0,
    listeners: [],
    groups: [],
    routes: [],
    modules: [],
    hooks: [],
    reloads: { succeeded: 1, failed: 0, succeededAt: 2_000, problem: "" },
    config: {},
    version: "1",
    draining: false,
    reload: () => Promise.resolve(undefined),
    ...more,
  };
}

/** An admin listener on a free port. */
export function testAdmin(source: AdminSource, token?: string): AsyncDisposable & { url: string } {
  const admin = new Admin(source, { token, version: "1.2.3", hosts: ["admin.example"] });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, admin.handle);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      admin.stop();
      await server.shutdown();
    },
  };
}
