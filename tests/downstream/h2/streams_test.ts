/** Requests and answers by HTTP/2 on the own front: bodies, trailers, and what either side does in between. */
import { assert, assertEquals } from "@std/assert";
import * as http2 from "../../../src/http/http2_frames.ts";
import { push, quiet } from "../../support/flow.ts";
import { data, fields, headers, http2Wire, reset } from "../../support/http2_wire.ts";
import { bodyOf, http2Origin } from "../../support/http2_origin.ts";
import { type RawConnection, rawOrigin } from "../../support/origin.ts";
import { testProxy } from "../../support/proxy.ts";
import { letters, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const POST = fields({ ":method": "POST" });
/** More than all buffers between the two ends take. */
const HUGE = 100_000_000;

/** An origin that reads a head, says so, and goes on as it is told. */
function pausing(then: (connection: RawConnection, head: string) => Promise<void>) {
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const origin = rawOrigin(async (connection) => {
    const head = await connection.readHead();
    asked.resolve();
    try {
      await then(connection, head!);
      await connection.closed();
    } finally {
      left.resolve();
    }
  });
  return Object.assign(origin, { asked: asked.promise, left: left.promise });
}

Deno.test("h2: a gRPC call: trailers of the upstream's chunked answer end the stream", async () => {
  await using origin = wireOrigin(() =>
    "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "5\r\nhello\r\n0\r\nGrpc-Status: 0\r\nGrpc-Message: fine\r\nContent-Length: 3\r\n\r\n"
  );
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  const call = [...POST, "content-type", "application/grpc", "te", "trailers"];
  await wire.send(headers(1, call, false), data(1, "question", true));
  await wire.ended(1);
  const [head, trailers] = wire.frames.filter(({ type }) => type === http2.FRAME.HEADERS);
  assertEquals([head!.fields![":status"], wire.body(1)], ["200", "hello"]);
  assertEquals(trailers!.fields, { "grpc-status": "0", "grpc-message": "fine" });
  assertEquals([origin.requests[0]!.body, origin.requests[0]!.fields.includes("te: trailers")], [
    "question",
    true,
  ]);
});

Deno.test("h2: trailers of a request reach the upstream", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, POST, false), data(1, "hello"), headers(1, ["x-sum", "5", "host", "evil"]));
  assertEquals(await wire.status(1), 200);
  assert(origin.requests[0]!.text.endsWith("5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n"), origin.requests[0]!.text);
});

Deno.test("h2: interim responses come ahead of the answer, and 100 when the client waits for it", async () => {
  await using origin = pausing(async (connection) => {
    await connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    await connection.readUntil("hello");
    await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, [...POST, "content-length", "5", "expect", "100-continue"], false));
  await wire.frame(({ fields }) => fields?.[":status"] === "100", "the leave to go on");
  await wire.send(data(1, "hello", true));
  assertEquals(await wire.status(1), 204);
  const heads = wire.frames.filter(({ type }) => type === http2.FRAME.HEADERS);
  assertEquals(heads.map(({ fields }) => fields![":status"]), ["103", "100", "204"]);
  assertEquals([heads[0]!.fields!["link"], wire.isEnded(1)], ["</a>", true]);
});

Deno.test("h2: an answer ahead of the upload's end is whole, and tells the client to stop", async () => {
  await using origin = pausing((connection) =>
    connection.write("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
  );
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, POST, false), data(1, letters(10_000)));
  assertEquals([await wire.status(1), await wire.resetCode(1)], [413, http2.CODE.NO_ERROR]);
  assertEquals([wire.body(1), wire.isEnded(1)], ["no", true]);
  // What was on its way harms nobody.
  await wire.send(data(1, letters(10_000)), data(1, "", true), headers(3, fields()));
  assertEquals(await wire.status(3), 413);
});

const LEAVING: [what: string, lines: string[], isLast: boolean, answer: string][] = [
  ["waits for an answer", fields(), true, ""],
  ["uploads", POST, false, ""],
  ["uploads a body of known length", [...POST, "content-length", "100000"], false, ""],
  ["downloads", fields(), true, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"],
];

for (const [what, lines, isLast, answer] of LEAVING) {
  for (const how of ["resets its stream", "closes its connection"]) {
    Deno.test(`h2: a client that ${what} and ${how} ends the upstream's work`, async () => {
      await using origin = pausing((connection) => connection.write(answer));
      await using proxy = testProxy(origin.address, { front: "tcp" });
      using wire = await http2Wire(proxy.address);
      await wire.send(headers(1, lines, isLast));
      if (!isLast) await wire.send(data(1, "hello"));
      await within(origin.asked, "the upstream to be asked");
      if (answer !== "") await wire.frame(({ type }) => type === http2.FRAME.DATA);
      const before = performance.now();
      if (how === "resets its stream") await wire.send(reset(1));
      else wire[Symbol.dispose]();
      await within(origin.left, "the end of the upstream's connection");
      assert(performance.now() - before < 1_000);
      assertEquals((await proxy.ended(1)).flag, "DC");
    });
  }
}

Deno.test("h2: a client that takes nothing holds the upstream up, and its other streams go on", async () => {
  let pushed = () => 0;
  await using origin = pausing(async (connection, head) => {
    if (head.includes("/small")) {
      return await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    }
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${HUGE}\r\n\r\n`);
    const flow = push(connection, HUGE);
    pushed = () => flow.pushed;
    await flow.done;
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address, { settings: [http2.SETTING.INITIAL_WINDOW_SIZE, 10] });
  await wire.send(headers(1, fields()));
  await wire.frame(({ type }) => type === http2.FRAME.DATA);
  const held = await quiet(pushed);
  assert(held < 20_000_000, `${held} bytes`);
  assertEquals(wire.body(1).length, 10);
  await wire.send(headers(3, fields({ ":path": "/small" })));
  await wire.ended(3);
  await wire.send(http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 1, 5));
  await wire.frame(() => wire.body(1).length === 15, "five bytes more");
  await wire.send(reset(1));
  await within(origin.left, "the end of the upstream's connection");
});

Deno.test("h2: an upstream that takes nothing holds the client up within its window, and its other streams go on", async () => {
  await using origin = pausing(async (connection, head) => {
    if (head.includes("/small")) await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const stuck = Promise.withResolvers<void>();
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    requestBodyFilter: () => stuck.promise.then(() => undefined),
  }, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, POST, false));
  const piece = data(1, letters(16_384));
  for (let sent = 0; sent < 16; sent++) await wire.send(piece);
  await wire.send(headers(3, fields({ ":path": "/small" })));
  assertEquals(await wire.status(3), 204);
  const more = wire.frames.filter(({ type, stream }) => type === http2.FRAME.WINDOW_UPDATE && stream === 1);
  assertEquals(more.length, 0);
  // One byte above what was agreed on.
  await wire.send(data(1, "a"));
  assertEquals(await wire.resetCode(1), http2.CODE.FLOW_CONTROL_ERROR);
  stuck.resolve();
  await proxy.ended(2);
});

Deno.test("h2: bodies of many streams, more than every window, arrive whole both ways", async () => {
  const text = letters(700_000);
  await using origin = wireOrigin(({ body }) =>
    `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address, { settings: [http2.SETTING.INITIAL_WINDOW_SIZE, 0x7fff_ffff] });
  await wire.send(http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 0, 0x7000_0000));
  const upload = async (stream: number) => {
    await wire.send(headers(stream, POST, false));
    for (let at = 0; at < text.length; at += 10_000) {
      const leave = () =>
        wire.frames.reduce(
          (sum, { type, stream: id, payload }) =>
            sum + (type === http2.FRAME.WINDOW_UPDATE && id === stream ? http2.uint32(payload, 0) : 0),
          256 * 1024,
        );
      await wire.frame(() => leave() >= at + 10_000, "leave to send more");
      await wire.send(data(stream, text.slice(at, at + 10_000), at + 10_000 >= text.length));
    }
    await wire.ended(stream);
    assert(wire.body(stream) === text, "a body changed on its way");
  };
  // Together no more than the connection's window allows.
  for (const streams of [[1, 3, 5], [7, 9, 11]]) await Promise.all(streams.map(upload));
});

const BODILESS: [what: string, method: string, head: string][] = [
  ["HEAD", "HEAD", "200 OK\r\nContent-Length: 5"],
  ["204", "GET", "204 No Content"],
  ["304", "GET", "304 Not Modified\r\nContent-Length: 5"],
];

for (const [what, method, head] of BODILESS) {
  Deno.test(`h2: ${what} is answered by one frame, without data`, async () => {
    await using origin = wireOrigin(() => `HTTP/1.1 ${head}\r\n\r\n`);
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    await wire.send(headers(1, fields({ ":method": method })), headers(3, fields({ ":method": method })));
    await wire.ended(3);
    assert(wire.isEnded(1) && !wire.frames.some(({ type }) => type === http2.FRAME.DATA));
  });
}

Deno.test("h2: no field of the upstream's connection is sent, and names are in lower case", async () => {
  const lines =
    "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nX-A:  b \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n";
  await using origin = wireOrigin(() => `HTTP/1.1 200 OK\r\n${lines}Content-Length: 0\r\n\r\n`);
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, fields()));
  await wire.ended(1);
  const { fields: found } = await wire.frame(({ type }) => type === http2.FRAME.HEADERS);
  const { date, ...rest } = found!;
  assert(date !== undefined);
  assertEquals(rest, { ":status": "200", "x-a": "b", "set-cookie": "b=2", "content-length": "0" });
});

Deno.test("h2: a head of an answer that takes several frames arrives", async () => {
  const value = letters(40_000);
  await using origin = wireOrigin(() => `HTTP/1.1 200 OK\r\nX-A: ${value}\r\nContent-Length: 5\r\n\r\nhello`);
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, fields()));
  await wire.ended(1);
  assertEquals(wire.frames.filter(({ type }) => type === http2.FRAME.CONTINUATION).length, 2);
  assertEquals(wire.body(1), "hello");
});

for (const [what, length] of [["longer", "3"], ["shorter", "9"]]) {
  Deno.test(`h2: a hook's body that is ${what} than it says never looks whole`, async () => {
    await using proxy = testProxy({
      requestFilter: () =>
        new Response(new Blob(["hello"]).stream(), { headers: { "content-length": length! } }),
    }, { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    await wire.send(headers(1, fields()));
    assertEquals([await wire.resetCode(1), wire.isEnded(1)], [http2.CODE.INTERNAL_ERROR, false]);
    const { flag } = await proxy.ended(1);
    if (what === "longer") assertEquals(flag, "IE");
  });
}

Deno.test("h2: a gRPC call by HTTP/2 on both sides: message and trailers arrive", async () => {
  await using origin = await http2Origin(async (stream, incoming) => {
    const message = await bodyOf(stream);
    stream.respond({ ":status": 200, "content-type": incoming["content-type"]! }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
    stream.end(message);
  });
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address, protocol: "http2" }),
  }, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  const call = [...POST, "content-type", "application/grpc", "te", "trailers"];
  await wire.send(headers(1, call, false), data(1, "question", true));
  await within(wire.ended(1), "the end of the call");
  const [head, trailers] = wire.frames.filter(({ type }) => type === http2.FRAME.HEADERS);
  assertEquals([head!.fields![":status"], wire.body(1), trailers!.fields], ["200", "question", {
    "grpc-status": "0",
    "grpc-message": "fine",
  }]);
});
