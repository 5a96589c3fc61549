import { assertEquals } from "@std/assert";
import { rawOrigin } from "../support/origin.ts";
import { checkRelayed, CLOSE, partsOrigin, type Relayed } from "../support/parts_origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText, responseText } from "../support/wire.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
const PROCESSING = "HTTP/1.1 102 Processing\r\n\r\n";
const OK = responseText("ok");

const cases: Omit<Relayed, "body" | "reused">[] = [
  { name: "100 in the same packet", parts: [CONTINUE + OK] },
  { name: "100 in a packet of its own", parts: [CONTINUE, OK] },
  { name: "103 in the same packet, whose fields are dropped", parts: [HINTS + OK], fields: { link: null } },
  {
    name: "103 in a packet of its own, whose fields are dropped",
    parts: [HINTS, OK],
    fields: { link: null },
  },
  {
    name: "100 and 103, split in the middle of lines",
    parts: [`${CONTINUE}HTT`, `${HINTS.slice(3)}HTTP/1.1 2`, OK.slice(10)],
  },
  {
    name: "103 with framing fields, which mean nothing",
    parts: [`HTTP/1.1 103 Hints\r\nContent-Length: 9\r\n\r\n${OK}`],
  },
  { name: "as many as are skipped", parts: [PROCESSING.repeat(32) + OK] },
];

for (const one of cases) {
  Deno.test(`interim responses are skipped: ${one.name}`, () =>
    checkRelayed({ ...one, body: "ok", reused: true }));
}

const broken: [name: string, parts: string[], flag: string][] = [
  ["103, then the connection dies", [HINTS, CLOSE], "UC"],
  ["100 and a piece of a head, then the connection dies", [`${CONTINUE}HTTP/1.1 20`, CLOSE], "UC"],
  ["one more than are skipped", [PROCESSING.repeat(33) + OK], "UPE"],
  ["interim responses without end", [PROCESSING.repeat(3000)], "UPE"],
  ["103 that is malformed", [`HTTP/1.1 103 Hints\r\nbroken\r\n\r\n${OK}`], "UPE"],
  ["101 that nobody asked for", [
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  ], "UPE"],
  ["101 behind 100", [`${CONTINUE}HTTP/1.1 101 Switching Protocols\r\n\r\n${OK}`], "UPE"],
];

for (const [name, parts, flag] of broken) {
  Deno.test(`interim responses that lead nowhere are a 502, with no second attempt: ${name}`, async () => {
    await using origin = partsOrigin(parts);
    await using proxy = testProxy(origin.address);
    const message = parseMessage(await send(proxy.address, requestText("GET", "/")));
    const entry = await proxy.ended(1);
    assertEquals([message.status, message.complete, entry.flag, entry.attempts], [502, true, flag, 1]);
    assertEquals([origin.connections, proxy.idleConnections], [1, 0]);
  });
}

Deno.test("an interim response before the answer to an upload does not end the upload", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(CONTINUE);
    await connection.readUntil("the end");
    await connection.write(OK);
  });
  await using proxy = testProxy(origin.address);
  const body = `${"x".repeat(100_000)}the end`;
  const text = await send(
    proxy.address,
    requestText("POST", "/", `Content-Length: ${body.length}\r\n`, body),
  );
  const message = parseMessage(text);
  assertEquals([message.status, message.body], [200, "ok"]);
});
