import { assert, assertEquals } from "@std/assert";
import { compose } from "../../src/rules/compose.ts";
import { LocalLimits } from "../../src/rules/limits.ts";
import { rateLimit } from "../../src/rules/rate_limit.ts";
import { RedisLimits } from "../../src/rules/redis_limits.ts";
import { respond } from "../../src/rules/respond.ts";
import { captureLog } from "../support/captured_log.ts";
import { deadAddress } from "../support/origin.ts";
import { MAY_RUN, outcome, Process, ROOT, tempFolder } from "../support/process.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";
import { requestText } from "../support/wire.ts";

const HAS_REDIS = MAY_RUN && await new Deno.Command("redis-server", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);

/** A test with Redis, where it is installed. */
function redis(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_REDIS, fn });
}

/** Until something may have changed that no event tells. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 10));

async function startRedis(address: string): Promise<Process> {
  const port = address.split(":")[1]!;
  const server = new Process(["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", ""]);
  await server.out.find(/Ready to accept connections/);
  return server;
}

/** A store that is kept running, and counts how often it had to count by itself. A busy machine is no slow Redis. */
function runStore(address: string, { prefix = "test:", credentials = "", timeout = 2_000 } = {}) {
  const controller = new AbortController();
  const local = new LocalLimits();
  let alone = 0;
  const store = new RedisLimits({
    url: `redis://${credentials}${address}`,
    prefix,
    timeout,
    local: { take: (...args) => (alone++, local.take(...args)) },
  });
  const running = store.run(controller.signal);
  return {
    store,
    get alone() {
      return alone;
    },
    /** Asks until Redis answers. */
    async shared() {
      for (let before = -1; before !== alone;) {
        before = alone;
        await store.take("probe", 1e6, 1e6);
        if (before !== alone) await pause();
      }
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await running;
    },
  };
}

redis("two stores share a limit, and only with the same prefix", async () => {
  const address = deadAddress();
  await using _server = await startRedis(address);
  await using a = runStore(address);
  await using b = runStore(address);
  await using other = runStore(address, { prefix: "other:" });
  for (const { shared } of [a, b, other]) await shared();
  const before = [a.alone, b.alone, other.alone];
  // So slow that no token comes back during the test.
  const take = async ({ store }: typeof a) => await store.take("k", 1 / 3_600, 3);
  const verdicts = [await take(a), await take(b), await take(a), await take(b), await take(a)];
  assertEquals(verdicts.map(({ allowed }) => allowed), [true, true, true, false, false]);
  assertEquals(verdicts.map(({ remaining }) => remaining), [2, 1, 0, 0, 0]);
  const { retryAfter } = verdicts[4]!;
  assert(retryAfter > 3_500 && retryAfter <= 3_600, `${retryAfter}`);
  assertEquals((await take(other)).remaining, 2);
  assertEquals([a.alone, b.alone, other.alone], before);
  // Tokens come back by the clock of Redis.
  assert((await a.store.take("fast", 100, 1)).allowed);
  while (!(await b.store.take("fast", 100, 1)).allowed) await pause();
});

redis(
  "Redis goes away and comes back: no request fails, limits hold, and each is logged once",
  async () => {
    using log = captureLog();
    const address = deadAddress();
    let server = await startRedis(address);
    try {
      await using store = runStore(address);
      await store.shared();
      const limit = { rate: 1 / 3_600, burst: 50 };
      await using proxy = testProxy(
        compose([rateLimit(limit, { route: "r", store: store.store }), respond({ body: "in" })]),
      );
      const ask = async () => statusOf(await send(proxy.address, requestText("GET", "/")));
      assertEquals(await ask(), 200);
      const alone = store.alone;
      server.kill("SIGKILL");
      await server.exit();
      const statuses = new Set<number>();
      while (store.alone < alone + 20) statuses.add(await ask());
      server = await startRedis(address);
      await store.shared();
      for (let i = 0; i < 5; i++) statuses.add(await ask());
      assertEquals([...statuses], [200]);
      const lines = log.lines.filter((line) => line.includes("Redis"));
      assertEquals(lines.length, 2, lines.join("\n"));
      assert(lines[0]!.includes(`Redis at ${address} is away`), lines[0]);
      assert(lines[1]!.includes("is back"), lines[1]);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  },
);

redis("a Redis that hangs costs one request its time-out, the others nothing", async () => {
  using log = captureLog();
  const address = deadAddress();
  await using server = await startRedis(address);
  await using store = runStore(address, { timeout: 50 });
  await store.shared();
  const from = log.lines.length;
  const before = store.alone;
  server.kill("SIGSTOP");
  const started = performance.now();
  for (let i = 0; i < 1_000; i++) assert((await store.store.take("k", 1e6, 1e6)).allowed);
  const took = performance.now() - started;
  assert(took < 900, `${took} ms`);
  assertEquals(store.alone - before, 1_000);
  server.kill("SIGCONT");
  await store.shared();
  const lines = log.lines.slice(from).filter((line) => line.includes("Redis"));
  assert(lines[0]!.includes("no answer within 50 ms"), lines[0]);
  assert(lines.at(-1)!.includes("is back"), lines.join("\n"));
});

redis("without any Redis, limits are local and stopping is quick", async () => {
  using log = captureLog();
  const address = deadAddress();
  {
    await using store = runStore(address, { credentials: "user:secret@" });
    await log.line("is away");
    assertEquals((await store.store.take("k", 1, 1)).allowed, true);
    assertEquals((await store.store.take("k", 1, 1)).allowed, false);
  }
  assertEquals(log.lines.filter((line) => line.includes("secret")), []);
});

redis("the client needs the address of Redis and no other permission", async () => {
  using folder = tempFolder();
  const address = deadAddress();
  await using _server = await startRedis(address);
  const program = folder.write(
    "program.ts",
    `import { RedisLimits } from "${ROOT}src/rules/redis_limits.ts";
    const controller = new AbortController();
    let alone = true;
    const local = { take: () => (alone = true, { allowed: true, remaining: 0, retryAfter: 0 }) };
    const store = new RedisLimits({ url: "redis://${address}", timeout: 2_000, local });
    const running = store.run(controller.signal);
    while (alone) {
      alone = false;
      await store.take("k", 1, 10);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    controller.abort();
    await running;
    console.log("shared");`,
  );
  const flags = ["--no-prompt", "--no-check", `--config=${ROOT}deno.json`, `--allow-net=${address}`];
  const { code, out, err } = await outcome([Deno.execPath(), "run", ...flags, program]);
  assertEquals([code, out], [0, ["shared"]], err.join("\n"));
});
