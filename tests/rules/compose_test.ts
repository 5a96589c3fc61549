import { assert, assertEquals, assertRejects } from "@std/assert";
import type { FilteredChunk, ProxyModule, Session } from "../../src/mod.ts";
import { compose } from "../../src/rules/compose.ts";
import { LocalLimits } from "../../src/rules/limits.ts";
import { rateLimit } from "../../src/rules/rate_limit.ts";
import type { Rule } from "../../src/rules/rule.ts";
import { cannedOrigin, httpOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { responseText } from "../support/wire.ts";

const session = {} as Session;

Deno.test("hooks run in order, those for responses in reverse, each with its own context", async () => {
  await using origin = cannedOrigin(responseText("hi"));
  const calls: string[] = [];
  const part = (name: string): ProxyModule<{ by: string }> => ({
    newContext: () => ({ by: name }),
    requestFilter: (_, { by }) => void calls.push(`request ${by}`),
    connectedToUpstream: (_s, _c, { by }) => void calls.push(`connected ${by}`),
    upstreamRequestFilter: (_s, _r, { by }) => void calls.push(`upstream request ${by}`),
    upstreamResponseFilter: (_s, _r, { by }) => void calls.push(`upstream response ${by}`),
    responseFilter: (_s, _r, { by }) => void calls.push(`response ${by}`),
    logging: (_s, _e, { by }) => void calls.push(`log ${by}`),
  });
  const none: ProxyModule = {
    requestFilter: (_, context) => void calls.push(`request ${context}`),
    upstreamPeer: () => ({ address: origin.address }),
  };
  await using proxy = testProxy(compose([part("a"), none, part("b")]));
  assertEquals(await (await fetch(proxy.url)).text(), "hi");
  await proxy.ended(1);
  assertEquals(calls, [
    ...["request a", "request undefined", "request b", "connected a", "connected b"],
    ...["upstream request a", "upstream request b", "upstream response b", "upstream response a"],
    ...["response b", "response a", "log a", "log b"],
  ]);
});

Deno.test("hooks that no part has stay absent, a part alone is returned as it is", () => {
  const part: Rule = { requestFilter: () => {} };
  assert(compose([part]) === part);
  assertEquals(Object.keys(compose([part, {}])), ["requestFilter"]);
  assertEquals(Object.keys(compose([])), []);
});

Deno.test("no promise is made where no part gives one", () => {
  const part: ProxyModule = {
    newContext: () => 1,
    requestFilter: () => {},
    upstreamRequestFilter: () => {},
    responseFilter: () => {},
    upstreamPeer: () => ({ address: "a:1" }),
    failToConnect: () => {},
    responseBodyFilter: () => {},
  };
  const whole = compose([part, part]) as Required<ProxyModule>;
  assertEquals(whole.newContext(), [1, 1]);
  assertEquals(whole.requestFilter(session, [1, 1]), undefined);
  assertEquals(whole.upstreamRequestFilter(session, {} as never, [1, 1]), undefined);
  assertEquals(whole.responseFilter(session, {} as never, [1, 1]), undefined);
  assertEquals(whole.upstreamPeer(session, [1, 1]), { address: "a:1" });
  assertEquals(whole.failToConnect(session, {} as never, {} as never, [1, 1]), undefined);
  const chunk = new Uint8Array(1);
  assertEquals(whole.responseBodyFilter(session, chunk, false, [1, 1]), chunk);
});

Deno.test("the first part that decides has decided, whether it takes its time or not", async () => {
  for (const late of [false, true]) {
    const asked: string[] = [];
    const part = (name: string, result: boolean | undefined): ProxyModule => ({
      failToConnect() {
        asked.push(name);
        return late ? Promise.resolve(result) : result;
      },
    });
    const whole = compose([part("a", undefined), part("b", false), part("c", true)]);
    assertEquals(await whole.failToConnect!(session, {} as never, {} as never, undefined), false);
    assertEquals(asked, ["a", "b"]);
  }
});

Deno.test("every part's context is waited for", async () => {
  const seen: unknown[] = [];
  const whole = compose([
    { newContext: () => Promise.resolve("late"), requestFilter: (_, context) => void seen.push(context) },
    { newContext: () => "now", requestFilter: (_, context) => void seen.push(context) },
  ]);
  await whole.requestFilter!(session, await whole.newContext!());
  assertEquals(seen, ["late", "now"]);
});

Deno.test("where a context cannot be made, the others still answer and log", async () => {
  const calls: string[] = [];
  await using proxy = testProxy(compose([
    rateLimit({ rate: 1 }, { route: "r", store: new LocalLimits() }),
    {
      newContext: () => {
        throw new Error("no");
      },
      failToProxy: () => new Response("sorry", { status: 503 }),
    },
    { newContext: () => 1, logging: (_s, error, context) => void calls.push(`${error?.type} ${context}`) },
  ]));
  const answer = await fetch(proxy.url);
  assertEquals([answer.status, await answer.text()], [503, "sorry"]);
  await proxy.ended(1);
  assertEquals(calls, ["hook_failed undefined"]);
});

Deno.test("what is no answer is refused as without rules ahead of it", async () => {
  const wrong: ProxyModule = { requestFilter: () => ({}) as Response };
  await using proxy = testProxy(compose([{ answerFilter: () => {} } as Rule, wrong]));
  const answer = await fetch(proxy.url);
  await answer.body?.cancel();
  assertEquals(answer.status, 500);
});

Deno.test("the peer is chosen by the last part that can", () => {
  const whole = compose([{ upstreamPeer: () => ({ address: "a:1" }) }, {
    upstreamPeer: () => ({ address: "b:1" }),
  }, {}]);
  assertEquals(whole.upstreamPeer!(session, undefined), { address: "b:1" });
});

Deno.test("an answer passes the answer filters ahead of it, innermost first, and none behind", async () => {
  const shared = new Response(null, { status: 403 });
  for (const wait of [false, true]) {
    const mark = (name: string): Rule => ({
      answerFilter: (_, headers) => headers.append("x-mark", name),
      responseFilter: (_, head) => head.headers.append("x-mark", `not ${name}`),
    });
    const module = compose([mark("a"), mark("b"), {
      requestFilter: () => wait ? Promise.resolve(shared) : shared,
    }, mark("c")]);
    await using proxy = testProxy(module);
    // Twice: what is marked is a copy.
    for (let i = 0; i < 2; i++) {
      const answer = await fetch(proxy.url);
      await answer.body?.cancel();
      assertEquals([answer.status, answer.headers.get("x-mark")], [403, "b, a"]);
    }
  }
  assertEquals(shared.headers.get("x-mark"), null);
});

Deno.test("all parts log, even if one of them fails", async () => {
  let logged = 0;
  const whole = compose([{ logging: () => Promise.reject(new Error("no")) }, {
    logging: () => void logged++,
  }]);
  await assertRejects(async () => await whole.logging!(session, null, undefined), Error, "no");
  assertEquals(logged, 1);
});

Deno.test("what parts declare is put together", () => {
  const service = (name: string) => ({ name, run: () => Promise.resolve() });
  const whole = compose([
    { net: ["a:1"], options: { retries: 2, allowTrace: true }, backgroundServices: [service("a")] },
    { net: ["b:1"], options: { retries: 3 }, permissions: { read: ["x"] } },
    { permissions: { read: ["y"], env: ["E"] }, backgroundServices: [service("b")] },
  ]);
  assertEquals(whole.net, ["a:1", "b:1"]);
  assertEquals(whole.options, { retries: 3, allowTrace: true });
  assertEquals(whole.permissions, { read: ["x", "y"], env: ["E"] });
  assertEquals(whole.backgroundServices?.map(({ name }) => name), ["a", "b"]);
});

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | null) => bytes === null ? "" : new TextDecoder().decode(bytes);

/** Holds everything back until the end. */
function holding(
  hook: "requestBodyFilter" | "responseBodyFilter",
  wait: boolean,
): ProxyModule<{ held: string }> {
  const filter = (
    chunk: Uint8Array | null,
    end: boolean,
    context: { held: string },
  ): FilteredChunk => {
    context.held += decode(chunk);
    return end ? encode(`[${context.held}]`) : null;
  };
  return {
    newContext: () => ({ held: "" }),
    [hook]: (_: Session, chunk: Uint8Array | null, end: boolean, context: { held: string }) =>
      wait ? Promise.resolve(filter(chunk, end, context)) : filter(chunk, end, context),
  };
}

Deno.test("body filters see what the ones before let out, and each sees the end once", async () => {
  for (const wait of [false, true]) {
    const seen: string[] = [];
    const upper = (hook: "requestBodyFilter" | "responseBodyFilter"): ProxyModule => ({
      [hook](_: Session, chunk: Uint8Array | null, end: boolean) {
        seen.push(`${decode(chunk)}${end ? "." : ""}`);
        const result = chunk && encode(decode(chunk).toUpperCase());
        return wait ? Promise.resolve(result) : result;
      },
    });
    await using origin = httpOrigin(async (request) => new Response(`re:${await request.text()}`));
    const peer: ProxyModule = { upstreamPeer: () => ({ address: origin.address }) };
    await using proxy = testProxy(compose([
      holding("requestBodyFilter", wait),
      upper("requestBodyFilter"),
      upper("responseBodyFilter"),
      holding("responseBodyFilter", wait),
      peer,
    ]));
    const answer = await fetch(proxy.url, { method: "POST", body: "some" });
    assertEquals(await answer.text(), "[RE:[SOME]]");
    assertEquals(seen.filter((piece) => piece.endsWith(".")).length, 2, seen.join("|"));
    assertEquals(seen.join("").replaceAll(".", ""), "[some][re:[SOME]]");
    assertEquals(seen.slice(0, 2), ["[some]", "."]);
  }
});
