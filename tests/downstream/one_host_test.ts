/** However hooks edit it, a request goes out with exactly one Host. */
import { assertEquals } from "@std/assert";
import { keepOneHost } from "../../src/downstream/host.ts";
import { HeaderList } from "../../src/http/headers.ts";
import type { ProxyModule } from "../../src/mod.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

type Edit = (headers: HeaderList) => void;

const EDITS: [what: string, edit: Edit, host: string | undefined][] = [
  ["leaves Host alone", () => {}, "a"],
  ["sets Host", (headers) => headers.set("Host", "b"), "b"],
  ["appends a Host", (headers) => headers.append("Host", "b"), "b"],
  ["appends two Hosts", (headers) => {
    headers.append("host", "b");
    headers.append("HOST", "c");
  }, "c"],
  ["moves Host to the end", (headers) => {
    headers.delete("host");
    headers.append("Host", "b");
  }, "b"],
  ["deletes Host", (headers) => headers.delete("host"), undefined],
  ["deletes every field", (headers) => headers.removeIf(() => true), undefined],
];

const HOOKS: Record<string, (edit: Edit) => ProxyModule> = {
  requestFilter: (edit) => ({ requestFilter: ({ request }) => edit(request.headers) }),
  upstreamRequestFilter: (edit) => ({ upstreamRequestFilter: (_session, { headers }) => edit(headers) }),
  "upstreamRequestFilter, later,": (edit) => ({
    async upstreamRequestFilter(_session, { headers }) {
      await Promise.resolve();
      edit(headers);
    },
  }),
};

for (const [hook, moduleOf] of Object.entries(HOOKS)) {
  for (const [what, edit, host] of EDITS) {
    Deno.test(`one Host goes out when ${hook} ${what}`, async () => {
      await using origin = wireOrigin();
      await using proxy = testProxy({ ...moduleOf(edit), upstreamPeer: () => ({ address: origin.address }) });
      const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      assertEquals(statusOf(answer), 200);
      assertEquals(valuesOf(origin.received[0]!, "host"), [host ?? origin.address]);
    });
  }
}

Deno.test("keepOneHost: one that has to be put in comes first", () => {
  const headers = new HeaderList([["X-Host", "x"], ["hos", "y"]]);
  keepOneHost(headers, "a:1");
  assertEquals([...headers], [["host", "a:1"], ["x-host", "x"], ["hos", "y"]]);
});
