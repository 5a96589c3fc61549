/**
 * Upgrades and the hooks of a worker: it sees the wish and the 101, and none of the tunnel's bytes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { e2e } from "../support/process.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { sandboxed } from "../support/sandbox.ts";
import { statusOf, valuesOf } from "../support/send.ts";
import { openTunnel, restOf, tunnelOrigin, upgradeText } from "../support/tunnel.ts";
import { within } from "../support/wire.ts";

e2e(
  "a sandboxed module sees what is asked for and may refuse it, before or behind the upstream",
  async () => {
    await using origin = tunnelOrigin();
    const module = await sandboxed("upgrades.ts", origin.address);
    await using proxy = testProxy(module, { front: "tcp" });
    {
      using client = await openTunnel(proxy.address, upgradeText("WebSocket"));
      assertEquals(valuesOf(client.received, "x-seen"), ["WebSocket 101"]);
      await client.write("there and back");
      await client.closeWrite();
      assertEquals(await restOf(client), "there and back");
    }
    for (const [target, status] of [["/refused", 403], ["/taken_back", 503]] as const) {
      using client = await rawClient(proxy.address);
      await client.write(upgradeText().replace("/tunnel", target));
      assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), status);
      if (status === 403) await client.readUntil("no raw here");
    }
    await within(proxy.ended(3), "the ends");
    assertEquals(proxy.entries.map(({ status, flag }) => `${status} ${flag}`), ["101 -", "403 -", "503 -"]);
  },
);
