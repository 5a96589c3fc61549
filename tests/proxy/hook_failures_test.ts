import { assert, assertEquals } from "@std/assert";
import { countingOrigin } from "../support/counting_origin.ts";
import { FRONTS, onBothFronts, SERVE } from "../support/fronts.ts";
import { deadAddress, rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import type { HookName } from "../support/recorder.ts";
import { send } from "../support/send.ts";
import { parseMessage, postText, requestText, responseText } from "../support/wire.ts";
import { type ErrorType, ProxyError, type ProxyModule } from "../../src/mod.ts";
import { HOOKS } from "../../src/proxy/hooks.ts";

const PUT = requestText("PUT", "/", "Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n");

/** What the client gets when the hook fails; other hooks: 500. */
const STATUS: Partial<Record<HookName, number>> = { failToProxy: 502, logging: 200 };
const FLAG: Partial<Record<HookName, string>> = { failToProxy: "UF", logging: "-" };

/** Hooks that run only when an upstream fails, with the address of one that fails so. */
function brokenUpstream(hook: HookName): (AsyncDisposable & { address: string }) | null {
  if (hook === "errorWhileProxy") return rawOrigin(async (connection) => void await connection.readHead());
  if (hook !== "failToConnect" && hook !== "failToProxy") return null;
  return { address: deadAddress(), [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** A module whose first request meets a broken upstream, if there is one, and the hook's doing. */
function failingOnce(
  hook: HookName,
  upstream: string,
  broken: string | undefined,
  fail: () => unknown,
): ProxyModule {
  let requests = 0;
  let failed = false;
  return {
    options: { retries: 0 },
    requestFilter: () => void requests++,
    upstreamPeer: () => ({ address: requests < 2 ? broken ?? upstream : upstream }),
    [hook](): unknown {
      if (hook === "requestFilter") requests++;
      if (!failed) {
        failed = true;
        return fail();
      }
      return hook === "upstreamPeer" ? { address: upstream } : undefined;
    },
  };
}

const WAYS: [string, () => unknown][] = [
  ["throws", () => {
    throw new Error("broken hook");
  }],
  ["throws undefined", () => {
    throw undefined;
  }],
  ["rejects", () => Promise.reject(new Error("broken hook"))],
  ["rejects later", async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    throw new Error("broken hook");
  }],
];

for (const hook of HOOKS) {
  for (const [way, fail] of WAYS) {
    onBothFronts(`a ${hook} that ${way} fails its own request and nothing else`, async (front) => {
      await using origin = countingOrigin(responseText("hello"));
      await using broken = brokenUpstream(hook);
      let logged = 0;
      const module = failingOnce(hook, origin.address, broken?.address, fail);
      const { logging } = module;
      await using proxy = testProxy({
        ...module,
        logging(...args) {
          logged++;
          return logging?.(...args);
        },
      }, { front });
      const first = parseMessage(await send(proxy.address, PUT));
      const entry = await proxy.ended(1);
      const status = STATUS[hook] ?? 500;
      assertEquals([first.status, entry.status, entry.flag], [status, status, FLAG[hook] ?? "IE"]);
      assertEquals(first.complete, true);
      const second = parseMessage(await send(proxy.address, PUT));
      await proxy.ended(2);
      assertEquals([second.status, second.body], [200, "hello"]);
      assertEquals([proxy.counters.active, proxy.counters.requests, logged], [0, 2, 2]);
      await origin.settled(() => proxy.idleConnections);
    }, way === "throws" ? FRONTS : SERVE);
  }

  if (hook === "failToProxy" || hook === "logging") continue;
  Deno.test(`a ${hook} that throws a ProxyError chooses the answer`, async () => {
    await using origin = countingOrigin(responseText("hello"));
    await using broken = brokenUpstream(hook);
    await using proxy = testProxy(
      failingOnce(hook, origin.address, broken?.address, () => {
        throw new ProxyError("body_too_large", "as it likes");
      }),
    );
    const { status } = parseMessage(await send(proxy.address, PUT));
    const entry = await proxy.ended(1);
    assertEquals([status, entry.status, entry.flag], [413, 413, "DPE"]);
    await origin.settled(() => proxy.idleConnections);
  });
}

const CHOICES: [ErrorType, number, string][] = [
  ["bad_request", 400, "DPE"],
  ["no_route", 404, "NR"],
  ["method_not_allowed", 405, "DPE"],
  ["internal", 500, "IE"],
  ["bad_response", 502, "UPE"],
  ["no_healthy_upstream", 503, "UH"],
  ["deadline", 504, "DT"],
];

for (const [type, expected, flag] of CHOICES) {
  onBothFronts(
    `requestFilter answers with ${expected} by throwing ${type}, and keeps its words to itself`,
    async (front) => {
      await using proxy = testProxy({
        requestFilter() {
          throw new ProxyError(type, "secret words");
        },
      }, { front });
      const { status, body } = parseMessage(await send(proxy.address, postText("hi")));
      const entry = await proxy.ended(1);
      assertEquals([status, entry.status, entry.flag, entry.attempts], [expected, expected, flag, 0]);
      assert(!body.includes("secret"), body);
    },
  );
}

for (const returned of [undefined, null, {}, { address: "nonsense" }, { address: 7 }]) {
  onBothFronts(
    `an upstreamPeer that returns ${JSON.stringify(returned)} is an internal error`,
    async (front) => {
      await using proxy = testProxy({ upstreamPeer: () => returned as never }, { front });
      const { status } = parseMessage(await send(proxy.address, PUT));
      const entry = await proxy.ended(1);
      assertEquals([status, entry.flag], [500, "IE"]);
    },
  );
}
