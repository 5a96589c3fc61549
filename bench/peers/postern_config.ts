/** Postern by a configuration file on the front `tcp`: ten routes, metrics, and an access log in a file. */
import { PROXY_CORE } from "../process.ts";
import { freePort, startServer } from "../server.ts";
import type { Peer } from "./peer.ts";
import { postern } from "./postern.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const HEAP = "--v8-flags=--max-semi-space-size=16";

/** The same edits as those of the `header_filter` sample, on the last of ten routes. */
export const posternConfig: Peer = {
  name: "postern-config",
  about: async () =>
    `${(await postern.about()).replace("header_filter sample", "run -c")}, ten routes, access log`,
  async start(dir, origin) {
    const port = freePort();
    await Deno.mkdir(dir, { recursive: true });
    const file = `${dir}/postern.yaml`;
    const others = Array.from(
      { length: 9 },
      (_, i) => `  - { name: r${i}, match: { path: /other${i}/* }, to: web }`,
    );
    await Deno.writeTextFile(
      file,
      `listeners: [{ address: "127.0.0.1:${port}", front: tcp }]
admin: { listen: "127.0.0.1:${freePort()}" }
logs: { access: { format: json, file: access.log } }
groups: { web: { members: ["${origin}"], check: false } }
routes:
${others.join("\n")}
  - name: rest
    to: web
    headers:
      request: { set: { x-from: postern } }
      response: { set: { x-powered-by: postern }, remove: [server] }
`,
    );
    const flags = ["--allow-net=127.0.0.1", `--allow-read=${dir}`, `--allow-write=${dir}`];
    return await startServer(
      [Deno.execPath(), "run", "--no-prompt", HEAP, ...flags, MAIN, "run", "-c", file],
      port,
      { core: PROXY_CORE },
    );
  },
};
