import { assertEquals, assertMatch } from "@std/assert";
import type { Peer } from "../../../src/mod.ts";
import { CA, ONE } from "../../support/certs.ts";
import { onBothFronts } from "../../support/fronts.ts";
import { testProxy } from "../../support/proxy.ts";
import { tlsOrigin } from "../../support/tls_origin.ts";
import { acceptText, Client, echoFrames, framesOf } from "../../support/websocket.ts";
import { within } from "../../support/wire.ts";

for (const protocol of ["http1", "auto"] as const) {
  onBothFronts(`a WebSocket goes to an upstream by TLS, with the protocol ${protocol}`, async (front) => {
    let head = "";
    await using origin = tlsOrigin(ONE, "", async (connection) => {
      head = await connection.readHead() ?? "";
      await connection.write(acceptText(head));
      await echoFrames(connection, framesOf(connection));
    });
    const peer: Peer = {
      address: origin.address,
      protocol,
      tls: { serverName: "one.one.one.one", caCerts: [CA] },
    };
    await using proxy = testProxy({ upstreamPeer: () => peer }, { front });
    using client = new Client(proxy.address);
    await within(client.open, "the WebSocket to open");
    for (const text of ["hello", "x".repeat(100_000)]) {
      client.socket.send(text);
      assertEquals(await within(client.next(), "the echo"), text);
    }
    client.socket.close(4000, "done");
    assertEquals(await within(client.closed, "the end"), { code: 4000, reason: "done" });
    assertMatch(head, /^upgrade: websocket\r$/im);
    assertEquals((await proxy.ended(1)).flag, "-");
  });
}
