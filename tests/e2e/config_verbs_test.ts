import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { e2e, postern, ROOT, tempFolder } from "../support/process.ts";

const GOOD = `listeners:
  - address: 127.0.0.1:6188
groups:
  api:
    members: [127.0.0.1:9000] # one
routes:
  - match: { host: api.example.com, path: /users/* }
    to: api
    timeout: 5s
  - respond: { status: 404 }
`;

e2e("check -c says what a good file holds, and needs to read it and nothing else", async () => {
  using folder = tempFolder();
  const file = folder.write("postern.yaml", GOOD);
  assertEquals(await postern([`--allow-read=${file}`], ["check", "-c", file]), {
    code: 0,
    out: [`${file}: ok, 1 listener, 1 group, 2 routes`],
    err: [],
  });
});

e2e(
  "check -c tells every problem of a bad file with its place, how many there are, and exits with 2",
  async () => {
    using folder = tempFolder();
    const file = folder.write("postern.yaml", GOOD.replace("to: api", "to: ap").replace("5s", "soon"));
    const { code, out, err } = await postern([`--allow-read=${file}`], ["check", "--config", file]);
    assertEquals([code, out], [2, []]);
    assertEquals(err, [
      `${file}:4:3: warning: groups.api: no route leads to it`,
      `${file}:8:9: routes[0].to: found "ap", allowed is api; did you mean "api"?`,
      `${file}:9:14: routes[0].timeout: found "soon", expected a duration such as 250ms, 10s, 5m or 1h, at most 24d, or a number of milliseconds`,
      "2 errors",
    ]);
  },
);

e2e("a warning is told beside a success", async () => {
  using folder = tempFolder();
  const file = folder.write("postern.yaml", GOOD.replace("to: api", "respond: {}"));
  const { code, err } = await postern([`--allow-read=${file}`], ["check", "-c", file]);
  assertEquals([code, err], [0, [`${file}:4:3: warning: groups.api: no route leads to it`]]);
});

e2e("a file that is not there, may not be read or is too large is an error of one line", async () => {
  using folder = tempFolder();
  const file = `${folder.path}/postern.yaml`;
  const run = (...flags: string[]) => postern(flags, ["check", "-c", file]);
  assertEquals((await run(`--allow-read=${file}`)).err, [
    `error: Cannot read ${file}: there is no such file`,
  ]);
  assertEquals((await run()).err, [
    `error: Cannot read ${file}: no permission to read it, add --allow-read=${file}`,
  ]);
  folder.write("postern.yaml", " ".repeat(5 * 1024 * 1024));
  assertMatch((await run(`--allow-read=${file}`)).err.join(), /has 5242880 bytes, at most 4194304 are read$/);
});

e2e("check --granted tells addresses outside of the granted permissions where they stand", async () => {
  using folder = tempFolder();
  const file = folder.write("postern.yaml", GOOD);
  const args = ["check", "--granted", "-c", file];
  const { code, err } = await postern([`--allow-read=${file}`, "--allow-net=127.0.0.1:6188"], args);
  assertEquals([code, err], [2, [
    `${file}:5:15: groups.api.members[0]: 127.0.0.1:9000 is not granted; add --allow-net=127.0.0.1:9000`,
    "1 error",
  ]]);
  const { out: [flags] } = await postern([`--allow-read=${file}`], ["permissions", "-c", file]);
  assertEquals((await postern(flags!.split(" "), args)).code, 0);
});

e2e("explain tells the route, why others do not get the request, and what becomes of it", async () => {
  using folder = tempFolder();
  const file = folder.write("postern.yaml", GOOD);
  const explain = (...args: string[]) => postern([`--allow-read=${file}`], ["explain", "-c", file, ...args]);
  assertEquals((await explain("GET", "http://API.example.com/users/7?x=1")).out, [
    "request   GET http://api.example.com/users/7?x=1",
    "listener  127.0.0.1:6188 (127.0.0.1:6188)",
    `route     api.example.com/users/* (${file}:7): host api.example.com, path /users/*`,
    "upstream  group api: 127.0.0.1:9000",
    "limits    totalTimeout: 5000",
    "sent      GET /users/7?x=1",
    "          host: api.example.com",
  ]);
  assertEquals((await explain("GET", "http://127.0.0.1:6188/users", "-H", "Host: b.example")).out, [
    "request      GET http://b.example/users",
    "listener     127.0.0.1:6188 (127.0.0.1:6188)",
    "passed over  1 for other hosts",
    `route        /* (${file}:10): every request`,
    "answer       404, 0 characters, by the route itself",
  ]);
  assertEquals(
    (await explain("GET", "http://api.example.com/user")).out[2],
    "passed over  api.example.com/users/* " + `(${file}:7): the path is not /users/*`,
  );
  assertEquals((await explain("GET")).code, 2);
  assertEquals((await explain("get", "http://a/")).code, 2);
  assertEquals((await explain("GET", "/users")).code, 2);
});

e2e("print fills the defaults in and leaves secrets out", async () => {
  using folder = tempFolder();
  const secrets = `admin: { listen: "127.0.0.1:6190", token: very-secret-token }
redis: { url: "redis://me:very-secret@127.0.0.1:6379" }
defaults: { headers: { request: { set: { authorization: Bearer very-secret, x-plain: seen } } } }
`;
  const file = folder.write("postern.yaml", GOOD + secrets);
  const { out } = await postern([`--allow-read=${file}`], ["print", "-c", file]);
  const text = out.join("\n");
  assertStringIncludes(text, "totalTimeout: 5000");
  assertStringIncludes(text, "clientBodyTimeout: 60000");
  assertStringIncludes(text, "interval: 5000");
  assert(!text.includes("very-secret"), text);
  assert(text.includes("x-plain: seen"), text);
});

e2e("permissions -c names what each thing needs, what hook modules declare included", async () => {
  using folder = tempFolder();
  folder.write("hook.ts", `export const net = ["127.0.0.1:7000"]; export function requestFilter() {}`);
  const file = folder.write(
    "postern.yaml",
    `${GOOD.replace("timeout: 5s", "hooks: [{ module: hook.ts }]")}logs: { access: { file: access.log } }\n`,
  );
  const { out } = await postern(["--allow-read"], ["permissions", "-c", file]);
  assertEquals(out, [
    `--allow-net=127.0.0.1:6188,127.0.0.1:9000,127.0.0.1:7000 --allow-read=${file},${folder.path},src --allow-write=${folder.path}/access.log`,
  ]);
});

e2e("a hook module that is wrong is told at the place that names it", async () => {
  using folder = tempFolder();
  folder.write("hook.ts", `export function requestFiltre() {}\nexport function requestFilter() {}`);
  const file = folder.write("postern.yaml", GOOD.replace("timeout: 5s", "hooks: [{ module: hook.ts }]"));
  const { code, err } = await postern(["--allow-read"], ["check", "-c", file]);
  assertEquals(code, 2);
  assertMatch(err.join("\n"), /:9:23: routes\[0\]\.hooks\[0\]\.module: .*unknown export "requestFiltre"/);
});

e2e("fmt keeps comments and needs no permission but to read, --write writes, --diff tells", async () => {
  using folder = tempFolder();
  const file = folder.write("postern.yaml", GOOD.replace("  - address", "    -   address"));
  const fmt = (...args: string[]) =>
    postern([`--allow-read=${file}`, `--allow-write=${file}`], ["fmt", "-c", file, ...args]);
  assertEquals((await fmt("--diff")).code, 1);
  const { out, code } = await postern([`--allow-read=${file}`], ["fmt", "-c", file]);
  assertEquals(code, 0);
  assertStringIncludes(out.join("\n"), "members: [ 127.0.0.1:9000 ] # one");
  assertEquals((await fmt("--write")).code, 0);
  assertEquals(await Deno.readTextFile(file), `${out.join("\n")}\n`);
  assertEquals((await fmt("--diff")).code, 0);
});

e2e("the committed JSON Schema is that of the program", async () => {
  const { out, code } = await postern([], ["schema"]);
  assertEquals(code, 0);
  assert(
    `${out.join("\n")}\n` === await Deno.readTextFile(`${ROOT}postern.schema.json`),
    "run `deno run main.ts schema > postern.schema.json`",
  );
});

e2e("an editor gets a description of every key from the JSON Schema", async () => {
  const schema = JSON.parse(await Deno.readTextFile(`${ROOT}postern.schema.json`));
  const bare: string[] = [];
  const look = (part: Record<string, unknown>, path: string) => {
    for (const [key, value] of Object.entries((part.properties ?? {}) as Record<string, typeof part>)) {
      if (value.description === undefined) bare.push(`${path}.${key}`);
      look(value, `${path}.${key}`);
    }
    const others = [part.items, part.additionalProperties, ...(part.anyOf ?? []) as unknown[]];
    for (const other of others) if (typeof other === "object") look(other as typeof part, path);
  };
  look(schema, "");
  assertEquals(bare, []);
});

e2e("options of one kind of verb are refused with the other", async () => {
  const err = async (...args: string[]) => (await postern([], args)).err[0];
  assertEquals(await err("demo", "-c", "a.yaml"), "error: demo takes no --config");
  assertEquals(await err("check", "simple_proxy", "--granted"), "error: check takes no --granted");
  assertEquals(await err("check", "-c", "a.yaml", "--sandbox"), "error: check takes no --sandbox");
  assertEquals(await err("print", "--write"), "error: print takes no --write");
  assertEquals(await err("chek"), 'error: unknown verb "chek", did you mean "check"?');
});
