import { assertEquals } from "@std/assert";
import type { Peer } from "../../../src/mod.ts";
import { CA, ONE } from "../../support/certs.ts";
import type { RawConnection } from "../../support/origin.ts";
import { testProxy } from "../../support/proxy.ts";
import { echo, openTunnel, restOf, switchText } from "../../support/tunnel.ts";
import { tlsOrigin } from "../../support/tls_origin.ts";
import { letters, within } from "../../support/wire.ts";

/** A proxy before an origin that speaks TLS and switches. */
function secured(talk: (connection: RawConnection) => Promise<void>) {
  const origin = tlsOrigin(ONE, "", async (connection) => {
    await connection.readHead();
    await connection.write(switchText("raw") + "glued");
    await talk(connection);
  });
  const peer: Peer = {
    address: origin.address,
    tls: { serverName: "one.one.one.one", caCerts: [CA] },
  };
  const proxy = testProxy({ upstreamPeer: () => peer }, { front: "tcp" });
  return {
    origin,
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a tunnel goes through TLS to the upstream, both ways and to both ends", async () => {
  await using both = secured(echo);
  using client = await openTunnel(both.proxy.address);
  const text = letters(300_000);
  const writing = client.write(text).then(() => client.closeWrite());
  assertEquals(await restOf(client) === `glued${text}`, true);
  await writing;
  const { status, flag, bytesReceived, bytesSent } = await within(both.proxy.ended(1), "the tunnel's end");
  assertEquals([status, flag, bytesReceived, bytesSent], [101, "-", text.length, text.length + 5]);
  assertEquals([both.origin.protocols, both.proxy.idleConnections], [["http/1.1"], 0]);
});

Deno.test("an upstream that ends its TLS ends the tunnel", async () => {
  await using both = secured((connection) => connection.write("bye"));
  using client = await openTunnel(both.proxy.address);
  assertEquals(await restOf(client), "gluedbye");
  client.close();
  assertEquals((await within(both.proxy.ended(1), "the tunnel's end")).status, 101);
});
