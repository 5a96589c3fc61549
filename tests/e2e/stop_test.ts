import { assertEquals, assertRejects } from "@std/assert";
import { httpOrigin, type Origin } from "../support/origin.ts";
import { rawClient } from "../support/proxy.ts";
import { e2e, ready, simple } from "../support/process.ts";

/** An origin that answers when told to. */
function slowOrigin(): Origin & { asked: Promise<void>; answer(): void } {
  const asked = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  const origin = httpOrigin(async () => {
    asked.resolve();
    await told.promise;
    return new Response("at last");
  });
  return {
    address: origin.address,
    connections: 0,
    asked: asked.promise,
    answer: told.resolve,
    async [Symbol.asyncDispose]() {
      told.resolve();
      await origin[Symbol.asyncDispose]();
    },
  };
}

function addressOf(url: string): { hostname: string; port: number } {
  return { hostname: "127.0.0.1", port: Number(new URL(url).port) };
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  e2e(`${signal} refuses new connections, answers the request under way and exits 0`, async () => {
    await using origin = slowOrigin();
    await using proxy = simple(origin.address);
    const url = await ready(proxy);
    const answer = fetch(url);
    await origin.asked;
    proxy.kill(signal);
    await proxy.err.find(new RegExp(`^${signal}: finishing 1 requests`));
    await assertRejects(() => Deno.connect(addressOf(url)), Deno.errors.ConnectionRefused);
    origin.answer();
    assertEquals(await (await answer).text(), "at last");
    assertEquals(await proxy.exit(), 0);
    assertEquals(proxy.out.all.length, 1, "the request is in the access log");
  });

  e2e(`${signal} on an idle proxy exits 0 without waiting for keep-alive connections`, async () => {
    await using origin = httpOrigin(() => new Response("hello"));
    await using proxy = simple(origin.address);
    const url = await ready(proxy);
    using unused = await rawClient(new URL(url).host);
    using used = await rawClient(new URL(url).host);
    await used.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await used.readUntil("hello");
    proxy.kill(signal);
    assertEquals(await proxy.exit(), 0);
    assertEquals(proxy.err.all.filter((line) => line.startsWith("closed what was left")), []);
    await Promise.all([unused.closed(), used.closed()]);
  });
}

e2e("a second signal ends the process at once with exit code 1", async () => {
  for (const [first, second] of [["SIGTERM", "SIGTERM"], ["SIGINT", "SIGTERM"]] as const) {
    await using origin = slowOrigin();
    await using proxy = simple(origin.address);
    const url = await ready(proxy);
    const answer = fetch(url).then(() => "answered", () => "cut");
    await origin.asked;
    proxy.kill(first);
    await proxy.err.find(/finishing 1 requests/);
    proxy.kill(second);
    assertEquals([await proxy.exit(), await answer], [1, "cut"]);
  }
});

e2e("a request that does not end is given up after the drain time, and the exit code is 0", async () => {
  await using origin = slowOrigin();
  await using proxy = simple(origin.address, ["--access-log", "json"]);
  const answer = fetch(await ready(proxy)).then((response) => response.text(), () => {});
  await origin.asked;
  proxy.kill("SIGTERM");
  await proxy.err.find(/^closed what was left after 10 s$/);
  assertEquals(await proxy.exit(), 0);
  await answer;
  assertEquals(proxy.out.all.map((line) => JSON.parse(line).flags), ["SD"]);
});
