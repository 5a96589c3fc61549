import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { e2e, outcome, postern, tempFolder } from "../support/process.ts";

const SAMPLES = {
  simple_proxy: "upstreamPeer",
  load_balancer: "upstreamPeer upstreamRequestFilter",
  header_filter: "upstreamPeer upstreamRequestFilter responseFilter",
  sandboxed_auth: "requestFilter upstreamPeer",
};

for (const [sample, phases] of Object.entries(SAMPLES)) {
  e2e(`check ${sample} prints its phases and needs no permission`, async () => {
    assertEquals(await postern([], ["check", sample]), {
      code: 0,
      out: [`${sample}: ok`, `phases ${phases}`],
      err: [],
    });
  });
}

e2e("check of a module on disk prints its phases in the order of the request's way", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "own.ts",
    `export function logging() {}
     export const net: string[] = ["127.0.0.1:1"];
     export async function requestFilter(): Promise<Response> { return new Response("x"); }
     export const myOwnTable = new Map();`,
  );
  assertEquals(await postern([`--allow-read=${folder.path}`], ["check", file]), {
    code: 0,
    out: [`${file}: ok`, "phases requestFilter logging"],
    err: [],
  });
});

e2e("check --sandbox needs to read the module and Postern, and nothing else", async () => {
  assertEquals(await postern(["--allow-read=samples,src"], ["check", "--sandbox", "sandboxed_auth"]), {
    code: 0,
    out: ["sandboxed_auth: ok", "phases requestFilter upstreamPeer"],
    err: [],
  });
});

const PEER = "export function upstreamPeer() { return upstreams[0]; }\n";

const WRONG: { what: string; text: string; lines: RegExp[] }[] = [
  {
    what: "a misspelt hook",
    text: `export function requestFiltre() {}\nexport function requestFilter() {}`,
    lines: [/unknown export "requestFiltre", did you mean "requestFilter"\?$/],
  },
  {
    what: "a hook in snake_case",
    text: `export const upstreamPeer = () => ({ address: "a:1" });\nexport function response_filter() {}`,
    lines: [/unknown export "response_filter", did you mean "responseFilter"\?$/],
  },
  {
    what: "a misspelt declaration",
    text: `export const requestFilter = () => {};\nexport const listenn = "127.0.0.1:1";`,
    lines: [/unknown export "listenn", did you mean "listen"\?$/],
  },
  {
    what: "a hook that is not a function",
    text: `export const requestFilter = "yes";`,
    lines: [/hook "requestFilter" is a string, expected a function$/],
  },
  {
    what: "declarations of the wrong kind, all of them at once",
    text: `export const requestFilter = () => {};
      export const listen = 80; export const net = "1.1.1.1:443"; export const upstreams = "a:1";
      export const backgroundServices = [() => {}]; export const options = { retrys: 1 };`,
    lines: [
      /"listen" is a number/,
      /"net" is a string/,
      /"upstreams" is a string/,
      /"backgroundServices" is a list/,
      /unknown option "retrys", did you mean "retries"\?/,
    ],
  },
  {
    what: "nothing that answers requests",
    text: `export const net = [];`,
    lines: [/neither "upstreamPeer" nor "requestFilter"/],
  },
  {
    what: "an upstream outside its net",
    text:
      `${PEER}export const net = ["10.0.0.1:80"];\nexport const upstreams = [{ address: "10.0.0.9:80" }];`,
    lines: [/upstream 10\.0\.0\.9:80 is not in its "net"$/],
  },
  {
    what: "a listen address that cannot be one",
    text: `export const requestFilter = () => {};\nexport const listen = "127.0.0.1";`,
    lines: [/"127\.0\.0\.1"/],
  },
  {
    what: "an upstream address that cannot be one",
    text: `${PEER}export const upstreams = [{ address: "http://a/" }];`,
    lines: [/"http:\/\/a\/"/],
  },
  {
    what: "a module that throws on load",
    text: `throw new TypeError("no\\nluck today");`,
    lines: [/Cannot load .*TypeError: no luck today$/],
  },
  {
    what: "a module with a syntax error",
    text: `export function requestFilter( {`,
    lines: [/Cannot load /],
  },
];

for (const { what, text, lines } of WRONG) {
  e2e(`check refuses ${what}, with one line for each problem`, async () => {
    using folder = tempFolder();
    const file = folder.write("wrong.ts", text);
    const { code, out, err } = await postern([`--allow-read=${folder.path}`], ["check", file]);
    assertEquals([code, out], [1, []]);
    assertEquals(err.length, lines.length, err.join("\n"));
    for (const [i, line] of lines.entries()) {
      assertMatch(err[i]!, /^error: /);
      assertStringIncludes(err[i]!, file);
      assertMatch(err[i]!, line);
    }
  });
}

// Whatever a module's top-level code does, it does in a worker without any permission.
for (
  const { what, text, lines } of [
    ...WRONG.slice(0, 9),
    {
      what: "a module that throws on load",
      text: `export {}; throw new TypeError("no\\nluck");`,
      lines: [/TypeError: no luck$/],
    },
    {
      what: "colours in an error",
      text: `export {}; throw new Error("\\x1b[31mred");`,
      // deno-lint-ignore no-control-regex
      lines: [/^[^\x1b]*red$/],
    },
    {
      what: "a file that it reads",
      text: `export {}; Deno.readTextFileSync("/etc/passwd");`,
      lines: [/Requires read access to "\/etc\/passwd"/],
    },
    {
      what: "an exit",
      text: `export {}; Deno.exit(0);`,
      lines: [/Deno\.exit is not available to a sandboxed module/],
    },
    {
      what: "permissions that no flag can grant",
      text: `export const requestFilter = () => {}; export const permissions = { read: true };`,
      lines: [/permission "read" is true/],
    },
  ]
) {
  e2e(`check --sandbox refuses ${what}, with one line for each problem`, async () => {
    using folder = tempFolder();
    const file = folder.write("wrong.ts", text);
    const { code, out, err } = await postern([`--allow-read=${folder.path},src`], [
      "check",
      "--sandbox",
      file,
    ]);
    assertEquals([code, out], [1, []]);
    assertEquals(err.length, lines.length, err.join("\n"));
    for (const [i, line] of lines.entries()) {
      assertStringIncludes(err[i]!, `error: ${file}`);
      assertMatch(err[i]!, line);
    }
  });
}

e2e("run refuses what check refuses", async () => {
  using folder = tempFolder();
  const file = folder.write("wrong.ts", "export const requestFilter = 1;");
  const { code, err } = await postern([`--allow-read=${folder.path}`, "--allow-net"], ["run", file]);
  assertEquals([code, err], [1, [`error: ${file}: hook "requestFilter" is a number, expected a function`]]);
});

e2e("a module on disk without permission to read it ends with the flag to add", async () => {
  using folder = tempFolder();
  const file = folder.write("own.ts", "export const requestFilter = () => new Response();");
  const { code, out, err } = await postern([], ["check", file]);
  assertEquals([code, out, err.length], [1, [], 1]);
  assertStringIncludes(err[0]!, `add --allow-read=${file}`);
});

e2e("a module is found by a path relative to where the command runs", async () => {
  using folder = tempFolder();
  folder.write("own.ts", "export const requestFilter = () => new Response();");
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const shell =
    `cd '${folder.path}' && exec '${Deno.execPath()}' run --no-prompt --allow-read=. '${main}' check`;
  for (const name of ["./own.ts", "own.ts"]) {
    const { code, out } = await outcome(["sh", "-c", `${shell} ${name}`]);
    assertEquals([code, out[0]], [0, `${name}: ok`]);
  }
});
