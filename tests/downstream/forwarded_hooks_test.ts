/** What hooks say of the way a request took, beside what its client claims and the proxy knows. */
import { assertEquals, assertNotEquals } from "@std/assert";
import type { HeaderList } from "../../src/http/headers.ts";
import { ClaimingHeaders } from "../../src/downstream/claims.ts";
import { setForwarded } from "../../src/downstream/forwarded.ts";
import { type FrontName, onBothFronts } from "../support/fronts.ts";
import { testProxy } from "../support/proxy.ts";
import { send, valuesOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const NAMES = [
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "forwarded",
  "via",
  "x-request-id",
];

type Edit = (headers: HeaderList) => void;

/** The values of {@linkcode NAMES} at the origin, after a request with these field lines and a hook's edit of it. */
async function atOrigin(
  front: FrontName,
  lines: string,
  trustedProxies: string[],
  edit: Edit,
): Promise<string[][]> {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    options: { trustedProxies },
    requestFilter: ({ request }) => edit(request.headers),
    upstreamPeer: () => ({ address: origin.address }),
  }, { front });
  await send(proxy.address, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n`);
  return NAMES.map((name) => valuesOf(origin.received[0]!, name));
}

const SETS: Edit = (headers) => {
  headers.set("X-Forwarded-For", "7.7.7.7");
  headers.set("X-Forwarded-Proto", "https");
  headers.set("X-Forwarded-Host", "front.example");
  headers.set("Forwarded", "for=7.7.7.7");
  headers.set("X-Request-Id", "hook");
};
const APPENDS: Edit = (headers) => {
  headers.append("x-forwarded-for", "7.7.7.7");
  headers.append("x-forwarded-proto", "https");
  headers.append("x-forwarded-host", "front.example");
  headers.append("forwarded", "for=7.7.7.7");
  headers.append("x-request-id", "hook");
};
const REPLACES: Edit = (headers) => {
  for (const name of NAMES) headers.delete(name);
  APPENDS(headers);
};
const HOOKED = [["7.7.7.7, 127.0.0.1"], ["https"], ["front.example"], ["for=7.7.7.7"]];

const CLIENTS: Record<string, string> = {
  "claims nothing": "",
  "sends Via alone": "Via: 1.0 b\r\n",
  "sends an id alone": "X-Request-Id: theirs\r\n",
  "sends an id that is not fit": "X-Request-Id: <b>\r\n",
  "claims the way": "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: ws\r\nX-Forwarded-Host: b\r\n" +
    "Forwarded: for=9.9.9.9\r\nX-Request-Id: theirs\r\n",
  "claims what the hook says": "X-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Proto: https\r\n" +
    "X-Forwarded-Host: front.example\r\nForwarded: for=7.7.7.7\r\nX-Request-Id: hook\r\n",
};

for (const [client, lines] of Object.entries(CLIENTS)) {
  const via = lines.startsWith("Via") ? "1.0 b, 1.1 postern" : "1.1 postern";
  for (const [how, edit] of Object.entries({ sets: SETS, appends: APPENDS, replaces: REPLACES })) {
    onBothFronts(
      `what requestFilter ${how} goes out once, when an unknown client ${client}`,
      async (front) => {
        const received = await atOrigin(front, lines, [], edit);
        assertEquals(received, [...HOOKED, [how === "replaces" ? "1.1 postern" : via], ["hook"]]);
      },
    );
  }
}

onBothFronts("what requestFilter sets replaces the claims of a trusted client", async (front) => {
  const received = await atOrigin(front, CLIENTS["claims the way"]!, ["127.0.0.1"], SETS);
  assertEquals(received, [...HOOKED, ["1.1 postern"], ["hook"]]);
});

onBothFronts(
  "what requestFilter appends to the claims of a trusted client comes after them, and wins",
  async (front) => {
    const [forwardedFor, proto, host] = await atOrigin(
      front,
      CLIENTS["claims the way"]!,
      ["127.0.0.1"],
      APPENDS,
    );
    assertEquals([forwardedFor, proto, host], [["9.9.9.9, 7.7.7.7, 127.0.0.1"], ["https"], [
      "front.example",
    ]]);
  },
);

onBothFronts(
  "claims that requestFilter leaves alone are replaced, or kept from a trusted client",
  async (front) => {
    const lines = CLIENTS["claims the way"]!;
    assertEquals(
      await atOrigin(front, lines, [], () => {}),
      [["127.0.0.1"], ["http"], ["a"], [], ["1.1 postern"], ["theirs"]],
    );
    assertEquals(
      await atOrigin(front, lines, ["127.0.0.1"], () => {}),
      [["9.9.9.9, 127.0.0.1"], ["ws"], ["b"], ["for=9.9.9.9"], ["1.1 postern"], ["theirs"]],
    );
  },
);

onBothFronts("a hook that changes one claim does not vouch for the others", async (front) => {
  const received = await atOrigin(
    front,
    CLIENTS["claims the way"]!,
    [],
    (headers) => headers.set("x-forwarded-proto", "https"),
  );
  assertEquals(received, [["127.0.0.1"], ["https"], ["a"], [], ["1.1 postern"], ["theirs"]]);
});

onBothFronts("claims do not pass as a hook's when it replaces the headers by a copy", async (front) => {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    requestFilter({ request }) {
      request.headers = request.headers.clone();
    },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front });
  await send(
    proxy.address,
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${CLIENTS["claims the way"]}\r\n`,
  );
  const received = NAMES.slice(0, 4).map((name) => valuesOf(origin.received[0]!, name));
  assertEquals(received, [["127.0.0.1"], ["http"], ["a"], []]);
});

onBothFronts("an id that requestFilter deletes is set anew, from the session", async (front) => {
  const ids: string[] = [];
  await using origin = wireOrigin();
  await using proxy = testProxy({
    requestFilter({ id, request }) {
      ids.push(id);
      request.headers.delete("x-request-id");
    },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front });
  for (const line of ["", "X-Request-Id: theirs\r\n", "X-Request-Id: <b>\r\n"]) {
    await send(proxy.address, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${line}\r\n`);
  }
  assertEquals(origin.requests.map(({ text }) => valuesOf(text, "x-request-id")), ids.map((id) => [id]));
  assertEquals(ids[1], "theirs");
  assertNotEquals(ids[2], "<b>");
});

Deno.test("setForwarded: of several lines, only those that the client claimed are taken out", () => {
  const headers = new ClaimingHeaders(["host", "a", "x-forwarded-for", "1.1.1.1", "x-a", "1.1.1.1"]);
  headers.append("X-Forwarded-For", "1.1.1.1");
  headers.append("X-Forwarded-For", "2.2.2.2");
  const out = headers.clone();
  const about = { client: "3.3.3.3", scheme: "http", host: "a", trusted: false, hasClaims: true };
  setForwarded(out, { ...about, claims: headers });
  assertEquals(out.getAll("x-forwarded-for"), ["1.1.1.1, 2.2.2.2, 3.3.3.3"]);
  assertEquals([out.get("x-a"), out.get("x-forwarded-proto"), out.get("via")], [
    "1.1.1.1",
    "http",
    "1.1 postern",
  ]);
});
