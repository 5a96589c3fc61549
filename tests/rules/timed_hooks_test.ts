import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ProxyModule, Session } from "../../src/mod.ts";
import { timedHooks } from "../../src/rules/timed_hooks.ts";

const SESSION = {} as Session;

Deno.test("hooks count their calls, their time and their failures, and give what they gave", async () => {
  const { module, metrics } = timedHooks("m.ts", {
    requestFilter: () => new Response("early"),
    responseFilter: () => Promise.resolve(),
    logging: () => Promise.reject(new Error("no")),
    upstreamPeer() {
      throw new Error("none");
    },
  });
  assertEquals(await (module.requestFilter!(SESSION, undefined) as Response).text(), "early");
  await module.responseFilter!(SESSION, { status: 200, headers: new Headers() as never }, undefined);
  await assertRejects(async () => await module.logging!(SESSION, null, undefined));
  assertThrows(() => module.upstreamPeer!(SESSION, undefined));
  assertEquals(
    metrics.map(({ phase, calls, failures }) => [phase, calls, failures]).toSorted(),
    [["logging", 1, 1], ["requestFilter", 1, 0], ["responseFilter", 1, 0], ["upstreamPeer", 1, 1]],
  );
});

Deno.test("a hook that is not there stays absent, and one that is loaded anew counts on", () => {
  const module: ProxyModule = { requestFilter: () => undefined };
  const first = timedHooks("m.ts", module);
  void first.module.requestFilter!(SESSION, undefined);
  const second = timedHooks("m.ts", module, first.metrics);
  void second.module.requestFilter!(SESSION, undefined);
  assertEquals(second.metrics[0]!.calls, 2);
  assertEquals(second.module.responseFilter, undefined);
});

Deno.test("hooks of an object of a class keep their object", async () => {
  class Greeter {
    word = "hello";
    newContext() {
      return this.word;
    }
    requestFilter() {
      return new Response(this.word);
    }
  }
  const { module } = timedHooks("m.ts", new Greeter());
  assertEquals(module.newContext!(), "hello");
  assertEquals(await (module.requestFilter!(SESSION, undefined) as Response).text(), "hello");
});
