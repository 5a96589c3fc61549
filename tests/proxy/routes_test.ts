import { assertEquals } from "@std/assert";
import { serve } from "../../src/downstream/serve.ts";
import type { AccessEntry, BackgroundService, ProxyModule } from "../../src/mod.ts";
import { Proxy } from "../../src/proxy/proxy.ts";
import type { Routes } from "../../src/proxy/routes.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText } from "../support/wire.ts";

/** Answers with a text. */
function saying(text: string, more: ProxyModule = {}): ProxyModule {
  return { requestFilter: () => new Response(text), ...more };
}

/** The first segment of the path names the route; others go to the last. */
function bySegment(modules: Record<string, ProxyModule>): Routes {
  const routes = Object.entries(modules).map(([name, module]) => ({ name, module }));
  return {
    routes,
    find({ target }) {
      const at = routes.findIndex(({ name }) => target.startsWith(`/${name}`));
      return at < 0 ? routes.length - 1 : at;
    },
  };
}

/** A proxy with routes on two listeners. */
function routed(routes: Routes) {
  const entries: AccessEntry[] = [];
  const proxy = new Proxy(routes, { onEnd: (entry) => void entries.push(entry) });
  const [one, two] = ["one", "two"].map((name) =>
    serve({ transport: "tcp", hostname: "127.0.0.1", port: 0 }, (request) => proxy.handle(request, name))
  );
  proxy.start();
  const ask = async (target: string, front = one!, lines = "") => {
    const { port } = front.addr as Deno.NetAddr;
    const { status, body } = parseMessage(
      await send(`127.0.0.1:${port}`, requestText("GET", target, lines)),
    );
    return `${status} ${body}`;
  };
  return {
    proxy,
    entries,
    ask,
    two: two!,
    async [Symbol.asyncDispose]() {
      await one!.close();
      await two!.close();
      await proxy.close();
    },
  };
}

Deno.test("each request is answered by the module of its route, and the log says which", async () => {
  await using routes = routed(bySegment({ a: saying("I am a"), b: saying("I am b") }));
  assertEquals(await routes.ask("/b/x"), "200 I am b");
  assertEquals(await routes.ask("/a"), "200 I am a");
  assertEquals(routes.entries.map(({ route }) => route), ["b", "a"]);
});

Deno.test("each route has settings of its own", async () => {
  const post = { upstreamPeer: () => ({ address: "127.0.0.1:1" }), options: { maxRequestBody: 1 } };
  await using routes = routed(bySegment({ small: post, rest: saying("large") }));
  const upload = async (target: string) => {
    const { port } = routes.two.addr as Deno.NetAddr;
    const text = requestText("POST", target, "Content-Length: 2\r\n") + "ab";
    return parseMessage(await send(`127.0.0.1:${port}`, text)).status;
  };
  assertEquals([await upload("/small"), await upload("/rest")], [413, 200]);
});

Deno.test("the way of choosing is told the listener", async () => {
  const find: Routes["find"] = (_, listener) => listener === "two" ? 1 : 0;
  const given = [{ name: "a", module: saying("one") }, { name: "b", module: saying("two") }];
  await using routes = routed({ routes: given, find });
  assertEquals([await routes.ask("/"), await routes.ask("/", routes.two)], ["200 one", "200 two"]);
});

Deno.test("a background service that many routes have runs once, and on when they are replaced", async () => {
  const runs = { shared: 0, gone: 0, fresh: 0 };
  const stopped: string[] = [];
  const service = (name: keyof typeof runs): BackgroundService => ({
    name,
    async run(signal) {
      runs[name]++;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      stopped.push(name);
    },
  });
  const [shared, gone, fresh] = [service("shared"), service("gone"), service("fresh")];
  {
    await using routes = routed(bySegment({
      a: saying("a", { backgroundServices: [shared, gone] }),
      b: saying("b", { backgroundServices: [shared] }),
    }));
    await routes.proxy.replace(bySegment({ c: saying("c", { backgroundServices: [shared, fresh] }) }));
    assertEquals([runs, stopped], [{ shared: 1, gone: 1, fresh: 1 }, ["gone"]]);
    assertEquals(await routes.ask("/"), "200 c");
  }
  assertEquals(stopped, ["gone", "shared", "fresh"]);
});
