import { assertEquals, assertThrows } from "@std/assert";
import type { Member } from "../../src/balance/backend.ts";
import { fileDiscovery, type FileDiscoveryOptions } from "../../src/balance/file_discovery.ts";
import { parseMembers } from "../../src/balance/members_file.ts";
import { captureLog } from "../support/captured_log.ts";
import { e2e } from "../support/process.ts";
import { until } from "../support/until.ts";
import { within } from "../support/wire.ts";

const WANTED: Member[] = [
  { peer: { address: "127.0.0.1:1" } },
  {
    peer: { address: "127.0.0.1:2", tls: { serverName: "a" } },
    weight: 2,
    backup: true,
    labels: { rack: "r" },
  },
];

Deno.test("members are read from YAML and from JSON", () => {
  const yaml = `# two
- 127.0.0.1:1
- address: 127.0.0.1:2
  tls: { serverName: a }
  weight: 2
  backup: true
  labels: { rack: r }
`;
  assertEquals(parseMembers(yaml), WANTED);
  const flat = [
    "127.0.0.1:1",
    {
      address: "127.0.0.1:2",
      tls: { serverName: "a" },
      weight: 2,
      backup: true,
      labels: { rack: "r" },
    },
  ];
  assertEquals(parseMembers(JSON.stringify(flat, null, 2)), WANTED);
});

Deno.test("what all peers have need not be said of each", () => {
  const tls = { serverName: "a" };
  assertEquals(parseMembers('- 127.0.0.1:1\n- { address: "127.0.0.1:2", group: g }\n', { tls }), [
    { peer: { address: "127.0.0.1:1", tls } },
    { peer: { address: "127.0.0.1:2", tls, group: "g" } },
  ]);
});

const BROKEN: [name: string, text: string, message: string][] = [
  ["no YAML", "- a: [1\n- b", "deficient indentation (2:1)"],
  ["a mapping", "a: 1", "line 1: expected a list of members, found a mapping"],
  [
    "an item that is a number",
    "- 127.0.0.1:1\n- 5",
    'line 2: expected an address or a mapping with "address", found a number',
  ],
  [
    "an empty item",
    "- 127.0.0.1:1\n-\n",
    'item 2: expected an address or a mapping with "address", found nothing',
  ],
  [
    "an unknown key",
    "- 127.0.0.1:1\n\n- address: 127.0.0.1:2\n  wieght: 1",
    'line 3: unknown key "wieght", known are address, tls, timeouts, maxIdle, group, weight, priority, backup, zone, maxInFlight, labels',
  ],
  ["no address", "# x\n- weight: 1", 'line 2: expected an "address"'],
  [
    "a text where true or false belongs",
    "- 127.0.0.1:1\n- address: 127.0.0.1:2\n  backup: no",
    'line 2: expected "backup" to be true or false, found a text',
  ],
  [
    "TLS that is not described",
    "- { address: a:1, tls: true }",
    'line 1: expected "tls" to be a mapping, found true or false',
  ],
  [
    "a bad address",
    '["127.0.0.1:1",\n "nonsense"]',
    'line 2: Cannot use address "nonsense": allowed are "host:port", "[v6]:port" (port 0 to 65535) and "unix:/path"',
  ],
  [
    "a bad weight",
    "- address: 127.0.0.1:1\n  weight: -1",
    'line 1: Cannot use "weight" of a backend: expected a number >= 0, found -1',
  ],
];
for (const [name, text, message] of BROKEN) {
  Deno.test(`${name} is refused, and where it is said`, () => {
    assertEquals((assertThrows(() => parseMembers(text), RangeError) as Error).message, message);
  });
}

Deno.test("times that cannot be are refused", () => {
  assertThrows(() => fileDiscovery("x", { debounce: -1 }), RangeError, '"debounce"');
  assertThrows(() => fileDiscovery("x", { interval: 0 }), RangeError, '"interval"');
});

/** A discovery of a file of its own, while `use` runs. */
async function watching(
  text: string | null,
  use: (file: string, found: string[]) => Promise<void>,
  options: FileDiscoveryOptions = { debounce: 1, interval: 60_000 },
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "postern-" });
  const file = `${folder}/members.yaml`;
  const stopping = new AbortController();
  try {
    if (text !== null) await Deno.writeTextFile(file, text);
    const found: string[] = [];
    const running = fileDiscovery(file, options).run(stopping.signal, (members) => {
      found.push(members.map(({ peer }) => peer.address.at(-1)).join(""));
    });
    try {
      await use(file, found);
    } finally {
      stopping.abort();
      await within(running, "the discovery to stop");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

e2e(
  "a file is read at the start and whenever it is written or replaced",
  () =>
    watching("- 127.0.0.1:1", async (file, found) => {
      await until("it was read", () => found.length === 1);
      await Deno.writeTextFile(file, "- 127.0.0.1:2\n");
      await until("the change was found", () => found.at(-1) === "2");
      for (const i of [3, 4]) {
        await Deno.writeTextFile(`${file}.new`, `- 127.0.0.1:${i}\n`);
        await Deno.rename(`${file}.new`, file);
        await until("the new file was found", () => found.at(-1) === `${i}`);
      }
    }),
);

e2e("a file that is reached by a link that is swapped, as Kubernetes does, is read again", async () => {
  const folder = await Deno.makeTempDir({ prefix: "postern-" });
  try {
    for (const i of [1, 2]) {
      await Deno.mkdir(`${folder}/..${i}`);
      await Deno.writeTextFile(`${folder}/..${i}/members.yaml`, `- 127.0.0.1:${i}`);
    }
    await Deno.symlink("..1", `${folder}/..data`);
    await Deno.symlink("..data/members.yaml", `${folder}/members.yaml`);
    const stopping = new AbortController();
    const found: string[] = [];
    const running = fileDiscovery(`${folder}/members.yaml`, { debounce: 1, interval: 60_000 })
      .run(stopping.signal, ([member]) => found.push(member!.peer.address.at(-1)!));
    await until("it was read", () => found.length === 1);
    await Deno.symlink("..2", `${folder}/..new`);
    await Deno.rename(`${folder}/..new`, `${folder}/..data`);
    await until("the other was read", () => found.length === 2);
    stopping.abort();
    await within(running, "the discovery to stop");
    assertEquals(found, ["1", "2"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

e2e("a file that is broken, empty or gone changes nothing, which is said once with the reason", async () => {
  using log = captureLog();
  await watching("- 127.0.0.1:1", async (file, found) => {
    await until("it was read", () => found.length === 1);
    const kept = `ERROR discovery file ${file}: cannot be used, what was found before is kept:`;
    await Deno.writeTextFile(file, "- 127.0.0.1:2\n- 5\n");
    assertEquals(
      await log.line("line 2"),
      `${kept} line 2: expected an address or a mapping with "address", found a number`,
    );
    await Deno.writeTextFile(file, "[]");
    assertEquals(await log.line("no members"), `${kept} line 1: it lists no members`);
    await Deno.remove(file);
    await log.line("NotFound");
    const before = log.lines.length;
    await Deno.writeTextFile(`${file}.new`, "- 127.0.0.1:3");
    await Deno.rename(`${file}.new`, file);
    await until("it was read", () => found.length === 2);
    assertEquals(found, ["1", "3"]);
    assertEquals(log.lines.slice(before), [`INFO discovery file ${file}: can be used again`]);
  });
});

e2e("a file that is not there yet is found when it comes", async () => {
  using log = captureLog();
  await watching(null, async (file, found) => {
    await log.line("NotFound");
    await Deno.writeTextFile(`${file}.new`, "- 127.0.0.1:1");
    await Deno.rename(`${file}.new`, file);
    await until("it was read", () => found.length === 1);
  });
});

e2e(
  "without a word from the file system, it is read every interval",
  () =>
    watching("- 127.0.0.1:1", async (file, found) => {
      const { watchFs } = Deno;
      await until("it was read", () => found.length === 1);
      try {
        // deno-lint-ignore no-explicit-any
        (Deno as any).watchFs = () => {
          throw new Error("too many watches");
        };
        await Deno.writeTextFile(file, "- 127.0.0.1:2");
        await until("the change was found", () => found.at(-1) === "2");
        await Deno.writeTextFile(file, "- 127.0.0.1:3");
        await until("the change was found", () => found.at(-1) === "3");
      } finally {
        Deno.watchFs = watchFs;
      }
    }, { debounce: 1, interval: 5 }),
);
