import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { httpOrigin } from "../support/origin.ts";
import { e2e, MAY_RUN, outcome, postern, ready, start, tempFolder } from "../support/process.ts";

const LINES = [
  [["simple_proxy"], "--allow-net=127.0.0.1:6188,1.1.1.1:443"],
  [["load_balancer"], "--allow-net=127.0.0.1:6188,1.1.1.1:443,1.0.0.1:443"],
  [["header_filter"], "--allow-net=127.0.0.1:6188,1.1.1.1:443"],
  [["sandboxed_auth"], "--allow-net=127.0.0.1:6188,127.0.0.1:6189,127.0.0.1:6191"],
  [["simple_proxy", "--listen", "[::1]:80"], "--allow-net=[::1]:80,1.1.1.1:443"],
  [["simple_proxy", "--upstream", "https://a.example"], "--allow-net=127.0.0.1:6188,a.example:443"],
  [
    [
      "load_balancer",
      "--listen",
      "127.0.0.1:0",
      "--upstream",
      "http://127.0.0.1:81",
      "--upstream",
      "http://a/",
    ],
    "--allow-net=127.0.0.1:0,127.0.0.1:81,a:80",
  ],
] as const;

for (const [args, line] of LINES) {
  e2e(`permissions ${args.join(" ")} prints the flag and nothing else`, async () => {
    assertEquals(await postern([], ["permissions", ...args]), { code: 0, out: [line], err: [] });
  });
}

e2e("permissions of a module on disk are its listen, its net and its folder", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "own.ts",
    `export const listen = "127.0.0.1:8080"; export const net = ["10.0.0.0/8", "a.example:443"];
     export const requestFilter = () => {};`,
  );
  const { code, out } = await postern([`--allow-read=${folder.path}`], ["permissions", file]);
  assertEquals([code, out], [0, [
    `--allow-net=127.0.0.1:8080,10.0.0.0/8,a.example:443 --allow-read=${folder.path}`,
  ]]);
});

const READ = "--allow-read=samples,src";

e2e("permissions --sandbox adds what it takes to start a worker", async () => {
  const net = "127.0.0.1:6188,127.0.0.1:6189,127.0.0.1:6191";
  const { code, out, err } = await postern([READ], ["permissions", "--sandbox", "sandboxed_auth"]);
  assertEquals([code, out, err], [0, [`--allow-net=${net} ${READ}`], []]);
  const deno = await postern([READ], ["permissions", "--sandbox", "--format", "deno", "sandboxed_auth"]);
  assertEquals(JSON.parse(deno.out.join("")), { net: net.split(","), read: ["samples", "src"] });
  const json = await postern([READ], ["permissions", "--sandbox", "--format", "json", "sandboxed_auth"]);
  const { needs, flags } = JSON.parse(json.out.join(""));
  assertEquals([flags, needs.length], [[`--allow-net=${net}`, READ], 5]);
  const explained = await postern([READ], ["permissions", "--sandbox", "--explain", "sandboxed_auth"]);
  const text = explained.out.join("\n");
  for (const part of ["127.0.0.1:6191  hooks", "127.0.0.1:6189  upstream", "refused", "run in a worker"]) {
    assertStringIncludes(text, part);
  }
});

e2e("a module cannot slip a flag of its own into those that are printed", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "own.ts",
    `export const permissions = { read: ["/x --allow-all", "$(reboot)"] }; export const requestFilter = () => {};`,
  );
  const { out } = await postern([`--allow-read=${folder.path}`], ["permissions", file]);
  assertStringIncludes(out[0]!, ` '--allow-read=${folder.path},/x --allow-all,$(reboot)'`);
});

const ARGS = ["run", "simple_proxy", "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:9"];
const NARROW = "--allow-net=127.0.0.1:0,127.0.0.1:9";

const MISSING: [string, string[], string][] = [
  ["no permission at all", [], "127.0.0.1:0, 127.0.0.1:9"],
  ["the upstream left out", ["--allow-net=127.0.0.1:0"], "127.0.0.1:9"],
  ["the listening address left out", ["--allow-net=127.0.0.1:9"], "127.0.0.1:0"],
  ["the upstream's port wrong", ["--allow-net=127.0.0.1:0,127.0.0.1:99"], "127.0.0.1:9"],
  ["the upstream denied", ["--allow-net", "--deny-net=127.0.0.1:9"], "127.0.0.1:9"],
];

for (const [what, flags, missing] of MISSING) {
  e2e(`a missing permission ends with exit code 1 and the flag to add: ${what}`, async () => {
    const { code, out, err } = await postern(flags, ARGS);
    assertEquals([code, out, err], [1, [], [`error: no permission for ${missing}: run with ${NARROW}`]]);
  });
}

for (
  const [flag, named] of [["--allow-net", "--allow-net"], ["--allow-all", "--allow-all"], [
    "-A",
    "--allow-all",
  ]]
) {
  e2e(`${flag} is answered with one warning that names the narrow flag, and the proxy runs`, async () => {
    await using proxy = start([flag!], ARGS);
    await proxy.err.find(/^ready/);
    const warnings = proxy.err.all.filter((line) => line.startsWith("warning"));
    assertEquals(warnings, [`warning: ${named} grants more than is needed: ${NARROW} is enough`]);
  });
}

e2e("the narrow flag is granted without a warning, and start-up says one fact a line", async () => {
  await using proxy = start([NARROW], ARGS);
  await proxy.err.find(/^ready/);
  const { all } = proxy.err;
  assertEquals(all.length, 5, all.join("\n"));
  assertMatch(all[0]!, /^postern \d+\.\d+\.\d+ \(deno \d+\.\d+\.\d+\)$/);
  assertMatch(all[1]!, /^listening http:\/\/127\.0\.0\.1:\d+$/);
  assertEquals(all[2], "upstream 127.0.0.1:9");
  assertEquals(all[3], "hooks upstreamPeer");
  assertMatch(all[4]!, /^ready in \d+ ms$/);
});

const AUTH = ["--sandbox", "sandboxed_auth", "--listen", "127.0.0.1:0"];
const AUTH_NET = "127.0.0.1:0,127.0.0.1:6189,127.0.0.1:6191";
const WIDE: [string, string[], string[]][] = [
  ["the network as a whole", ["--allow-net", READ], ["--allow-net"]],
  ["everything", ["-A"], ["--allow-all"]],
  ["a host with all of its ports", [`--allow-net=${AUTH_NET},127.0.0.1`, READ], ["--allow-net=127.0.0.1"]],
  ["every file", [`--allow-net=${AUTH_NET}`, "--allow-read"], ["--allow-read"]],
  ["a folder too many", [`--allow-net=${AUTH_NET}`, `${READ},/etc`], ["--allow-read=/etc"]],
  ["the environment", [`--allow-net=${AUTH_NET}`, READ, "--allow-env"], ["--allow-env"]],
  ["a variable", [`--allow-net=${AUTH_NET}`, READ, "--allow-env=HOME"], ["--allow-env=HOME"]],
  ["programs", [`--allow-net=${AUTH_NET}`, READ, "--allow-run"], ["--allow-run"]],
  ["writing", [`--allow-net=${AUTH_NET}`, READ, "--allow-write=/var"], ["--allow-write=/var"]],
  ["facts and libraries", [`--allow-net=${AUTH_NET}`, READ, "--allow-sys", "--allow-ffi"], [
    "--allow-sys",
    "--allow-ffi",
  ]],
];

for (const [what, flags, named] of WIDE) {
  e2e(`--strict refuses to start with more than is needed: ${what}`, async () => {
    const { code, out, err } = await postern(flags, ["run", "--strict", ...AUTH]);
    assertEquals([code, out], [1, []]);
    assertEquals(err, [
      `error: ${named.join(" ")} grants more than is needed: --allow-net=${AUTH_NET} ${READ} is enough`,
    ]);
  });
}

e2e("--strict starts with exactly what is needed, and says that it looked", async () => {
  await using proxy = start([`--allow-net=${AUTH_NET}`, READ], ["run", "--strict", ...AUTH]);
  await proxy.err.find(/^ready in/);
  assertMatch(proxy.err.all[0]!, /^postern .*, permissions checked strictly$/);
  assertEquals(
    proxy.err.all[3],
    "hooks requestFilter upstreamPeer, in a sandbox with net=127.0.0.1:6189,127.0.0.1:6191",
  );
});

for (const sandbox of [[], ["--sandbox"]]) {
  e2e(`--audit tells at the end what was reached ${sandbox.join("") || "in process"}`, async () => {
    await using origin = httpOrigin(() => new Response("hello"));
    using folder = tempFolder();
    const file = folder.write(
      "own.ts",
      `export const net = ["${origin.address}", "127.0.0.1:9", "10.0.0.0/8"];
       export const upstreams = [{ address: "${origin.address}" }];
       export const upstreamPeer = () => upstreams[0];
       export async function requestFilter() {
         await fetch("http://127.0.0.1:7/").catch(() => {});
       }`,
    );
    const flags = [
      `--allow-net=127.0.0.1:0,${origin.address},127.0.0.1:9,10.0.0.0/8`,
      `--allow-read=${folder.path},src`,
    ];
    await using proxy = start(flags, ["run", ...sandbox, "--audit", file, "--listen", "127.0.0.1:0"]);
    assertEquals(await (await fetch(await ready(proxy))).text(), "hello");
    proxy.kill("SIGTERM");
    assertEquals(await proxy.exit(), 0);
    const told = proxy.err.all.filter((line) => line.includes("its hooks cannot reach 10.0.0.0/8"));
    assertEquals(told.length, sandbox.length, "Deno gives workers no ranges");
    assertEquals(proxy.err.all.filter((line) => line.startsWith("audit: ")), [
      `audit: declared and used: ${origin.address}`,
      "audit: declared but not used: 127.0.0.1:9, 10.0.0.0/8",
      "audit: used but not declared: 127.0.0.1:7",
    ]);
  });
}

e2e("a taken port is one clear line and exit code 1", async () => {
  await using other = httpOrigin(() => new Response());
  const { code, out, err } = await postern(
    [`--allow-net=${other.address},127.0.0.1:9`],
    ["run", "simple_proxy", "--listen", other.address, "--upstream", "http://127.0.0.1:9"],
  );
  assertEquals([code, out, err], [1, [], [
    `error: cannot listen on ${other.address}: the address is in use`,
  ]]);
});

e2e("an address of another machine is one clear line and exit code 1", async () => {
  const address = "198.51.100.7:8080";
  const { code, out, err } = await postern(
    [`--allow-net=${address},127.0.0.1:9`],
    ["run", "simple_proxy", "--listen", address, "--upstream", "http://127.0.0.1:9"],
  );
  assertEquals([code, out, err.length], [1, [], 1], err.join("\n"));
  assertStringIncludes(err[0]!, `error: cannot listen on ${address}: `);
});

// Unix sockets are reached through files: Deno asks for read and write beside net.
e2e("the flags that permissions prints for Unix sockets are enough to run with them", async () => {
  using folder = tempFolder();
  const args = [
    "simple_proxy",
    "--listen",
    `unix:${folder.path}/in.sock`,
    "--upstream",
    `unix:${folder.path}/up.sock`,
  ];
  const origin = Deno.serve({ path: `${folder.path}/up.sock`, onListen() {} }, () => new Response("hello"));
  try {
    const { out } = await postern([], ["permissions", ...args]);
    await using proxy = start(out[0]!.split(" "), ["run", ...args]);
    await proxy.err.find(/^ready/);
    const { out: body } = await outcome(
      ["curl", "-s", "--unix-socket", `${folder.path}/in.sock`, "http://a/"],
    );
    assertEquals(body, ["hello"]);
  } finally {
    await origin.shutdown();
  }
});

e2e("a Unix socket that may not be opened ends with the flags to add", async () => {
  using folder = tempFolder();
  const socket = `${folder.path}/up.sock`;
  const { code, err } = await postern(
    [`--allow-net=127.0.0.1:0,unix:${socket}`],
    ["run", "simple_proxy", "--listen", "127.0.0.1:0", "--upstream", `unix:${socket}`],
  );
  assertEquals([code, err.length], [1, 1], err.join("\n"));
  assertStringIncludes(err[0]!, `--allow-read=${socket}`);
  assertStringIncludes(err[0]!, `--allow-write=${socket}`);
});

const hasScript = MAY_RUN &&
  await outcome(["script", "--version"]).then(({ code }) => code === 0, () => false);

for (
  const args of [
    ARGS,
    ["run", "simple_proxy", "--listen", "127.0.0.1:0", "--upstream", "unix:/nowhere.sock"],
    ["run", "./tests/nowhere.ts"],
    ["check", "load_balancer"],
    ["permissions", "header_filter"],
    ["run", "--sandbox", "sandboxed_auth"],
  ]
) {
  Deno.test({
    name: `nothing is asked for at a terminal, even without --no-prompt: ${args.join(" ")}`,
    ignore: !hasScript,
    async fn() {
      const command = [Deno.execPath(), "run", "main.ts", ...args].join(" ");
      const { out } = await outcome(["timeout", "-k", "1", "5", "script", "-qec", command, "/dev/null"]);
      const text = out.join("\n");
      assertEquals(/requests \w+ access|y\/n/.test(text), false, text);
    },
  });
}

Deno.test({
  name: "a sandboxed module cannot make Deno ask for more at a terminal",
  ignore: !hasScript,
  async fn() {
    using folder = tempFolder();
    const file = folder.write(
      "own.ts",
      `const tries = [
         () => Deno.readTextFileSync("/etc/passwd"), () => Deno.env.get("PATH"), () => Deno.hostname(),
         () => Deno.writeTextFileSync("/etc/x", ""), () => Deno.dlopen("x", {}), () => new WebSocket("ws://a/"),
         () => fetch("http://127.0.0.1:1/"), () => Deno.connect({ port: 1 }), () => new EventSource("http://a/"),
         () => Deno.resolveDns("a", "A"), () => Deno.cwd(), () => Deno.makeTempDirSync(), () => Deno.readDirSync("/"),
         () => Deno.createHttpClient({ proxy: { url: "http://a/" } }), () => Deno.networkInterfaces(),
       ];
       for (const one of tries) try { await one(); } catch { /* refused */ }
       export const requestFilter = () => new Response();`,
    );
    const command = `${Deno.execPath()} run --allow-read=${folder.path},src main.ts check --sandbox ${file}`;
    const { out } = await outcome(["timeout", "-k", "1", "9", "script", "-qec", command, "/dev/null"]);
    const text = out.join("\n");
    assertEquals(/requests \w+ access|y\/n/.test(text), false, text);
    assertStringIncludes(text, `${file}: ok`);
  },
});
