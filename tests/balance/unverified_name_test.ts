/**
 * Peers whose name is not verified, in a group that is made before there is a log.
 */
import { assertEquals } from "@std/assert";
import { LoadBalancer } from "../../src/mod.ts";
import { captureLog } from "../support/captured_log.ts";
import { CA, OTHER } from "../support/certs.ts";
import { testProxy } from "../support/proxy.ts";
import { tlsOrigin } from "../support/tls_origin.ts";

Deno.test("that a load balancer's peer is not verified is said at its first use, as no log may be there before", async () => {
  await using origin = tlsOrigin(OTHER);
  const tls = { serverName: "x.test", caCerts: [CA], verifyName: false };
  const upstreams = new LoadBalancer([{ address: origin.address, tls }]);
  using log = captureLog();
  await using proxy = testProxy({ upstreamPeer: () => upstreams.select() });
  assertEquals(log.lines, []);
  for (let i = 0; i < 2; i++) assertEquals(await (await fetch(proxy.url)).text(), "hello");
  assertEquals(log.lines, [`WARN upstream ${origin.address}: the name in its certificate is not verified`]);
});

Deno.test("only false turns the verification of names off", async () => {
  await using origin = tlsOrigin(OTHER);
  for (const verifyName of [0, null, "", undefined] as unknown as boolean[]) {
    const tls = { serverName: "x.test", caCerts: [CA], verifyName };
    await using proxy = testProxy({ upstreamPeer: () => ({ address: origin.address, tls }) });
    const response = await fetch(proxy.url);
    await response.body?.cancel();
    assertEquals(response.status, 502, String(verifyName));
  }
});
