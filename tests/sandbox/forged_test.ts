// What a worker could say if a module had got hold of its channel: the proxy takes nothing of it on trust.
import { assert, assertEquals } from "@std/assert";
import type { ProxyModule } from "../../src/mod.ts";
import { netScope } from "../../src/sandbox/net_scope.ts";
import { type RemoteCall, remoteHooks } from "../../src/sandbox/remote_hooks.ts";
import { RemotePeers } from "../../src/sandbox/remote_peers.ts";
import { captureLog } from "../support/captured_log.ts";
import { httpOrigin, rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, postText } from "../support/wire.ts";

const INJECTED = "x\n1\r\nevil: 1";
const PLAIN = "x\n1";

/** Results by hook, none of which can be carried out. */
const FORGED: Record<string, unknown[]> = {
  requestFilter: [
    7,
    "text",
    [[7, "", null], undefined],
    [[42, "", null], undefined],
    [[200, INJECTED, null], undefined],
    [[200, "odd", null], undefined],
    [[204, "", new Uint8Array(3)], undefined],
    [null, ["GET", "/ HTTP/1.1\r\nevil: 1", PLAIN], undefined],
    [null, ["GET /evil HTTP/1.1\r\nx:", "/", PLAIN], undefined],
    [null, ["GET", "/", INJECTED], undefined],
    [null, ["GET", "/", 7], undefined],
    [null, [7, {}, PLAIN], undefined],
    [null, undefined, 7],
    [null, undefined, "{}"],
    [null, undefined, '{"address":"127.0.0.1:1"}'],
    [null, undefined, '{"address":["127.0.0.1:1"]}'],
  ],
  upstreamPeer: [undefined, null, 7, {}, "{", "null", '{"address":"127.0.0.1:1"}', {
    address: "127.0.0.1:1",
  }],
  upstreamRequestFilter: [7, [], ["GET"], ["GET", "/\r\nevil: 1", PLAIN], ["GET", "/", INJECTED], [
    {},
    "/",
    PLAIN,
  ]],
  requestBodyFilter: [7, "text", {}, [1], new Map()],
  upstreamResponseFilter: [7, [200], [200, INJECTED], ["200 evil", PLAIN], [1e9, PLAIN], [NaN, PLAIN], [
    {},
    PLAIN,
  ]],
  responseFilter: [7, [200], [200, INJECTED], ["200 evil", PLAIN], [99, PLAIN], [101, PLAIN], [null, PLAIN]],
};

for (const [hook, results] of Object.entries(FORGED)) {
  for (const [i, forged] of results.entries()) {
    Deno.test(`a forged result of ${hook} fails its request and nothing else: ${i} ${Deno.inspect(forged)}`, async () => {
      using log = captureLog();
      await using elsewhere = rawOrigin((connection) => connection.closed());
      await using origin = httpOrigin((request) =>
        new Response("hello", request.headers.has("evil") ? { headers: { evil: "1" } } : {})
      );
      let calls = 0;
      const text = JSON.stringify({ address: origin.address });
      const call: RemoteCall = (name) =>
        Promise.resolve(name === hook && ++calls === 1 ? forged : name === "upstreamPeer" ? text : undefined);
      const all = remoteHooks(call, new RemotePeers("own", netScope([origin.address])));
      await using proxy = testProxy({
        newContext: () => ({ request: 0, worker: undefined, peer: undefined }),
        upstreamPeer: all.upstreamPeer,
        [hook]: all[hook as keyof typeof all],
      } as ProxyModule);
      const first = parseMessage(await send(proxy.address, postText("sent")));
      assert(first.status >= 400, `${first.status}`);
      assert(!first.fields.some(([name]) => name === "evil"));
      const second = parseMessage(await send(proxy.address, postText("sent")));
      assertEquals([second.status, second.body], [200, "hello"]);
      assertEquals(elsewhere.connections, 0);
      assert(log.lines.every((line) => !line.includes("\n")));
    });
  }
}
