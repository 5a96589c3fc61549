/**
 * Asks a real nginx where it sends keys by `hash $arg_k consistent`, and writes the answers as a module for the tests:
 *
 * ```sh
 * deno run --no-prompt --allow-net=127.0.0.1 --allow-read --allow-write --allow-run --allow-env \
 *   bench/nginx_ring.ts > tests/balance/nginx_ring_facts.ts
 * deno fmt tests/balance/nginx_ring_facts.ts
 * ```
 *
 * @module
 */
import { Random } from "../tests/support/random.ts";
import { cleanly, note, print } from "./cleanup.ts";
import { startNginx } from "./nginx.ts";
import { run } from "./process.ts";

/** Part of what is hashed, so that they have to stay. */
const PORTS = [19_101, 19_102, 19_103];
const GROUPS = {
  plain: ["", "", ""],
  weighted: ["weight=1", "weight=2", "weight=5"],
  oneDown: ["", "down", ""],
};
const FRONT = 19_104;
const KEYS = 500;

await cleanly(60, async (dir) => {
  const { messages } = await run(["nginx", "-v"], 5);
  const entries = Object.entries(GROUPS);
  const upstreams = entries.map(([name, settings]) => {
    const servers = settings.map((setting, i) => `    server 127.0.0.1:${PORTS[i]} ${setting};\n`).join("");
    return `  upstream ${name} {\n    hash $arg_k consistent;\n${servers}  }\n`;
  });
  const locations = entries.map(([name]) => `    location /${name} { proxy_pass http://${name}; }\n`);
  const front = `  server {\n    listen 127.0.0.1:${FRONT};\n${locations.join("")}  }\n`;
  const origins = PORTS.map((port, i) => `  server { listen 127.0.0.1:${port}; return 200 ${i}; }\n`);
  const server = await startNginx(dir, FRONT, [...upstreams, front, ...origins].join(""));
  const rows: string[] = [];
  for (const key of keys()) {
    const answers: string[] = [];
    for (const [name] of entries) answers.push(await ask(name, key));
    rows.push(`${key} ${answers.join("")}`);
  }
  await server.stop();
  note(`${rows.length} keys`);
  print(`/**
 * Where ${
    messages.trim().split(": ").at(-1)
  } sends keys by \`hash $arg_k consistent\`. Written by \`bench/nginx_ring.ts\`.
 *
 * @module
 */

/** The servers, in order. */
export const SERVERS = ${JSON.stringify(PORTS.map((port) => `127.0.0.1:${port}`))};

/** The weights of the groups, one digit of an answer each; in the third, the second server is down. */
export const GROUPS = [[1, 1, 1], [1, 2, 5], [1, 1, 1]];

/** A key, and the number of the server that gets it in each group. */
export const FACTS: string = \`
${rows.join("\n")}
\`;`);
  return 0;
});

async function ask(group: string, key: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${FRONT}/${group}?k=${key}`);
  const text = await response.text();
  if (!/^[0-2]$/.test(text)) throw new Error(`nginx answers ${response.status} ${JSON.stringify(text)}`);
  return text;
}

/** Numbers, addresses, and texts of all lengths and characters that a query may hold as they are. */
function keys(): string[] {
  const random = new Random(7);
  return Array.from({ length: KEYS }, (_, i) => {
    if (i % 3 === 0) return `${i}`;
    if (i % 3 === 1) return `10.${random.below(256)}.${random.below(256)}.${random.below(256)}`;
    return random.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:@!*(),;/", 40);
  });
}
