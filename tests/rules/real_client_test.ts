import { assertEquals } from "@std/assert";
import type { Session } from "../../src/mod.ts";
import { HeaderList } from "../../src/http/headers.ts";
import { access } from "../../src/rules/access.ts";
import { compose } from "../../src/rules/compose.ts";
import { headers } from "../../src/rules/headers.ts";
import { LocalLimits } from "../../src/rules/limits.ts";
import { rateLimit } from "../../src/rules/rate_limit.ts";
import { realClient } from "../../src/rules/real_client.ts";
import { respond } from "../../src/rules/respond.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { requestText } from "../support/wire.ts";

const CASES: [from: string, forwarded: string[], client: string][] = [
  ["192.0.2.1", ["203.0.113.9"], "192.0.2.1"],
  ["10.0.0.1", [], "10.0.0.1"],
  ["10.0.0.1", ["203.0.113.9"], "203.0.113.9"],
  ["10.0.0.1", ["198.51.100.7, 203.0.113.9"], "203.0.113.9"],
  ["10.0.0.1", ["198.51.100.7", "203.0.113.9, 10.0.0.2"], "203.0.113.9"],
  ["10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"],
  ["10.0.0.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"],
  ["10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"],
  ["10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"],
  ["::ffff:10.0.0.1", ["2001:db8::1"], "2001:db8::1"],
  ["unix", ["203.0.113.9"], "unix"],
];

for (const [clientAddress, forwarded, client] of CASES) {
  Deno.test(`from ${clientAddress}, forwarded for [${forwarded.join(" + ")}], is ${client}`, () => {
    const headers = new HeaderList(forwarded.map((value) => ["X-Forwarded-For", value]));
    const session = { clientAddress, request: { headers } } as unknown as Session;
    assertEquals(realClient(["10.0.0.0/8"])(session), client);
    assertEquals(realClient([])(session), clientAddress);
  });
}

Deno.test("ranges, limits and templates go by the client behind trusted proxies", async () => {
  const clientOf = realClient(["127.0.0.1"]);
  await using proxy = testProxy(compose([
    headers({ response: { set: { "x-client": "{client}" } } }, clientOf),
    access({ deny: ["203.0.113.0/24"] }, clientOf),
    rateLimit({ rate: 0.001 }, { route: "r", store: new LocalLimits(), clientOf }),
    respond({}),
  ]));
  const ask = async (client: string) => {
    const answer = await send(proxy.address, requestText("GET", "/", `X-Forwarded-For: ${client}\r\n`));
    assertEquals(valuesOf(answer, "x-client"), [client]);
    return statusOf(answer);
  };
  const clients = ["203.0.113.9", "198.51.100.1", "198.51.100.2", "198.51.100.1"];
  assertEquals(await Promise.all(clients.slice(0, 3).map(ask)), [403, 200, 200]);
  assertEquals(await ask(clients[3]!), 429);
});
