import { assertEquals } from "@std/assert";
import type { ProxyModule } from "../../../src/mod.ts";
import { captureLog } from "../../support/captured_log.ts";
import { rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf, valuesOf } from "../../support/send.ts";
import { echo, openTunnel, restOf, switchText, tunnelOrigin, upgradeText } from "../../support/tunnel.ts";
import { requestText, responseText, within } from "../../support/wire.ts";

/** A proxy with these hooks before an origin that switches. */
function hooked(address: string, hooks: Partial<ProxyModule>) {
  return testProxy({ upstreamPeer: () => ({ address }), ...hooks }, { front: "tcp" });
}

Deno.test("hooks see an upgrade as a request like any other; body filters have nothing to do with its bytes", async () => {
  const calls: string[] = [];
  const logged = Promise.withResolvers<void>();
  const never = () => {
    throw new Error("a body filter was called");
  };
  await using origin = tunnelOrigin();
  await using proxy = hooked(origin.address, {
    newContext: () => calls,
    requestFilter: ({ upgrade }) => void calls.push(`requestFilter ${upgrade}`),
    connectedToUpstream: () => void calls.push("connectedToUpstream"),
    upstreamRequestFilter(_, { headers }) {
      calls.push(`upstreamRequestFilter ${headers.has("upgrade")}`);
      headers.set("upgrade", "other");
      headers.delete("connection");
    },
    upstreamResponseFilter: (_, { status }) => void calls.push(`upstreamResponseFilter ${status}`),
    async responseFilter(_, { status, headers }) {
      await Promise.resolve();
      calls.push(`responseFilter ${status} ${headers.has("upgrade")}`);
      headers.set("X-Added", "1");
      headers.set("Content-Length", "5");
      headers.set("Transfer-Encoding", "chunked");
      headers.set("Upgrade", "other");
      headers.set("Connection", "close");
    },
    requestBodyFilter: never,
    responseBodyFilter: never,
    logging({ status, bytesReceived, bytesSent }, error, context) {
      context.push(`logging ${status} ${bytesReceived} ${bytesSent} ${error}`);
      logged.resolve();
    },
  });
  using client = await openTunnel(proxy.address, upgradeText("WebSocket"));
  assertEquals(
    ["upgrade", "connection", "x-added", "content-length", "transfer-encoding"]
      .map((name) => valuesOf(client.received, name)),
    [["WebSocket"], ["upgrade"], ["1"], [], []],
  );
  assertEquals(calls.splice(0), [
    "requestFilter WebSocket",
    "connectedToUpstream",
    "upstreamRequestFilter false",
    "upstreamResponseFilter 101",
    "responseFilter 101 false",
  ]);
  await client.write("12345");
  await client.closeWrite();
  assertEquals(await restOf(client), "12345");
  await within(logged.promise, "logging");
  assertEquals(calls, ["logging 101 5 5 null"]);
});

Deno.test("requestFilter can refuse an upgrade; the connection goes on", async () => {
  await using origin = rawOrigin(async (connection) => {
    while (await connection.readHead() !== null) await connection.write(responseText("page"));
  });
  await using proxy = hooked(origin.address, {
    requestFilter: ({ upgrade }) => upgrade === null ? undefined : new Response("not here", { status: 403 }),
  });
  using client = await rawClient(proxy.address);
  await client.write(upgradeText("websocket") + requestText("GET", "/"));
  await within(client.closed(), "the answers");
  assertEquals(client.received.match(/^HTTP\/1.1 \d+/gm), ["HTTP/1.1 403", "HTTP/1.1 200"]);
  assertEquals(origin.connections, 1);
});

Deno.test("a hook's own 426 says what to upgrade to", async () => {
  await using proxy = testProxy({
    requestFilter: () => new Response("upgrade!", { status: 426, headers: { upgrade: "websocket" } }),
  }, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(upgradeText());
  const head = await within(client.readHead(), "the answer");
  assertEquals([statusOf(head!), valuesOf(head!, "upgrade"), valuesOf(head!, "connection")], [
    426,
    ["websocket"],
    ["upgrade"],
  ]);
});

interface Refusal {
  name: string;
  filter: NonNullable<ProxyModule["responseFilter"]>;
  status: number;
  flag: string;
}

const REFUSALS: Refusal[] = [
  { name: "with a 403", filter: (_, response) => void (response.status = 403), status: 403, flag: "-" },
  { name: "with a 204", filter: (_, response) => void (response.status = 204), status: 204, flag: "-" },
  {
    name: "with another interim status",
    filter: (_, response) => void (response.status = 103),
    status: 500,
    flag: "IE",
  },
  { name: "by throwing", filter: () => Promise.reject(new Error("no")), status: 500, flag: "IE" },
];

for (const { name, filter, status, flag } of REFUSALS) {
  for (const hook of ["upstreamResponseFilter", "responseFilter"] as const) {
    Deno.test(`${hook} can take a 101 back ${name}: the upstream's connection is closed, the client's goes on`, async () => {
      using _ = captureLog();
      const gone = Promise.withResolvers<void>();
      await using origin = rawOrigin(async (connection) => {
        const head = await connection.readHead();
        if (!head!.includes("pgrade")) return await connection.write(responseText("page"));
        await connection.write(switchText() + "secret");
        await connection.closed();
        gone.resolve();
      });
      await using proxy = hooked(origin.address, {
        [hook]: (...all: Parameters<typeof filter>) => all[1].status === 101 ? filter(...all) : undefined,
      });
      using client = await rawClient(proxy.address);
      await client.write(upgradeText());
      const head = await within(client.readHead(), "the answer");
      await within(gone.promise, "the end of the upstream's connection");
      assertEquals([statusOf(head!), valuesOf(head!, "upgrade")], [status, []]);
      await client.write(requestText("GET", "/"));
      await within(client.closed(), "the next answer");
      assertEquals([client.received.includes("secret"), client.received.endsWith("page")], [false, true]);
      const entry = await proxy.ended(1);
      assertEquals([entry.status, entry.flag, entry.attempts], [status, flag, 1]);
    });
  }
}

Deno.test("a hook cannot make a 101 of another answer", async () => {
  using log = captureLog();
  await using origin = rawOrigin(async (connection) => {
    while (await connection.readHead() !== null) await connection.write(responseText("page"));
  });
  await using proxy = hooked(origin.address, {
    responseFilter: (_, response) => void (response.status = 101),
  });
  using client = await rawClient(proxy.address);
  await client.write(upgradeText());
  assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 500);
  await log.line("status 101 is out of the range");
});

Deno.test("a logging that fails does not keep a tunnel from its end", async () => {
  using log = captureLog();
  await using origin = tunnelOrigin(echo);
  await using proxy = hooked(origin.address, { logging: () => Promise.reject(new Error("no log")) });
  using client = await openTunnel(proxy.address);
  await client.closeWrite();
  await restOf(client);
  await log.line("no log");
  assertEquals((await within(proxy.ended(1), "the tunnel's end")).flag, "-");
});
