import { assert, assertEquals, assertThrows } from "@std/assert";
import { LoadBalancer } from "../../src/mod.ts";
import { RetryBudget, type RetryBudgetOptions } from "../../src/balance/retry_budget.ts";
import { ask, settles } from "../support/group.ts";
import { deadAddress } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";

/** A budget on a clock that the test moves. */
function made(options: RetryBudgetOptions) {
  const clock = { now: 5_000 };
  const budget = new RetryBudget(options, () => clock.now);
  const withdraw = (times: number) =>
    Array.from({ length: times }, () => budget.withdraw()).filter(Boolean).length;
  const deposit = (times: number) => {
    for (let i = 0; i < times; i++) budget.deposit();
  };
  return { clock, withdraw, deposit };
}

Deno.test("a budget starts with what it can save, and no more is ever saved", () => {
  const { clock, withdraw, deposit } = made({ share: 0.2, perSecond: 3 });
  assertEquals(withdraw(1000), 10 * 3 + 100 * 0.2);
  deposit(10_000);
  clock.now += 3_600_000;
  assertEquals(withdraw(1000), 50);
});

Deno.test("a budget is filled by requests", () => {
  const { withdraw, deposit } = made({ share: 0.25, perSecond: 0 });
  withdraw(1000);
  deposit(40);
  assertEquals(withdraw(1000), 10);
  deposit(3);
  assertEquals(withdraw(1), 0, "three quarters of a retry are none");
});

Deno.test("a budget is filled by time", () => {
  const { clock, withdraw, deposit } = made({ share: 0, perSecond: 4 });
  withdraw(1000);
  deposit(1000);
  assertEquals(withdraw(1), 0);
  clock.now += 2_500;
  assertEquals(withdraw(1000), 10);
});

Deno.test("a budget of nothing allows none, and a small one adds up to a whole retry", () => {
  assertEquals(made({ share: 0, perSecond: 0 }).withdraw(1), 0);
  const small = made({ share: 0, perSecond: 0.01 });
  assertEquals(small.withdraw(1), 0);
  small.clock.now += 100_000;
  assertEquals(small.withdraw(5), 1);
});

for (const options of [{ share: -1 }, { share: NaN }, { perSecond: -1 }] as const) {
  Deno.test(`a budget cannot be ${JSON.stringify(options)}`, () => {
    assertThrows(() => new RetryBudget(options), RangeError, Object.keys(options)[0]!);
    assertThrows(() => new LoadBalancer([], { retryBudget: options }), RangeError);
  });
}

Deno.test("when all upstreams fail, retries do not storm: they stay within the budget", async () => {
  const REQUESTS = 200;
  const balancer = new LoadBalancer([{ address: deadAddress() }, { address: deadAddress() }], {
    retryBudget: { share: 0.1, perSecond: 0 },
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select, options: { retries: 5 } });
  for (let i = 0; i < REQUESTS; i += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(proxy)));
    assertEquals(answers, Array(20).fill("502"));
  }
  await proxy.ended(REQUESTS);
  const { retries } = proxy.counters;
  const saved = 10;
  assert(retries > saved && retries <= saved + 0.1 * REQUESTS + 1, `${retries} retries`);
  assertEquals(balancer.backends.reduce((sum, { requests }) => sum + requests, 0), REQUESTS + retries);
  await settles(balancer);
});

Deno.test("while the budget lasts, a request is tried again at another backend", async () => {
  const balancer = new LoadBalancer([{ address: deadAddress() }, { address: deadAddress() }]);
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  assertEquals(await ask(proxy), "502");
  assertEquals([(await proxy.ended(1)).attempts, balancer.backends.map(({ requests }) => requests)], [2, [
    1,
    1,
  ]]);
});
