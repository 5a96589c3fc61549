/** Clients that speak HTTP/2 to the plain port: they are told from others by their first bytes. */
import http2 from "node:http2";
import { assert, assertEquals } from "@std/assert";
import { onBothFronts, SERVE } from "../support/fronts.ts";
import { rawOrigin } from "../support/origin.ts";
import { http2Request } from "../support/http2_client.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { letters } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const FRAMING = ["content-length", "transfer-encoding"];

function framingOf(request: { fields: readonly string[] }): string[] {
  return request.fields.filter((field) => FRAMING.includes(field.split(":")[0]!));
}

onBothFronts(
  "HTTP/2: a request that names its host in :authority alone reaches the origin with that Host",
  async (front) => {
    await using origin = wireOrigin(() => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    await using proxy = testProxy(origin.address, { front });
    const { status, body } = await http2Request(proxy.address, {
      ":authority": "a.example",
      ":path": "/x?y",
    });
    assertEquals([status, body], [200, "hello"]);
    const [request] = origin.requests;
    assertEquals(request!.line, "GET /x?y HTTP/1.1");
    assertEquals(valuesOf(request!.text, "host"), ["a.example"]);
    assertEquals(valuesOf(request!.text, "x-forwarded-host"), ["a.example"]);
    assertEquals((await proxy.ended(1)).host, "a.example");
  },
);

onBothFronts("HTTP/2: the address of the proxy will do as :authority", async (front) => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front });
  assertEquals((await http2Request(proxy.address, {})).status, 200);
  assertEquals(valuesOf(origin.requests[0]!.text, "host"), [proxy.address]);
});

for (
  const [what, fields] of Object.entries({
    "the same Host": { ":authority": "a", "host": "a" },
    "the same Host in other letters": { ":authority": "A.b", "host": "a.B" },
    "the same Host with the default port": { ":authority": "a", "host": "a:80" },
    "the same Host without the default port": { ":authority": "a:80", "host": "a" },
  })
) {
  onBothFronts(`HTTP/2: :authority and ${what} are forwarded, Host as sent`, async (front) => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front });
    assertEquals((await http2Request(proxy.address, fields)).status, 200);
    assertEquals(valuesOf(origin.requests[0]!.text, "host"), [fields.host]);
  });
}

for (
  const [what, fields] of Object.entries({
    "another Host beside :authority": { ":authority": "a", "host": "b" },
    "a Host that only begins like :authority": { ":authority": "a.b", "host": "a" },
    "another port in Host than in :authority": { ":authority": "a:81", "host": "a" },
    "an empty Host beside :authority": { ":authority": "a", "host": "" },
    "user info in :authority": { ":authority": "u@a" },
    "a bad port in :authority": { ":authority": "a:99999" },
  })
) {
  onBothFronts(`HTTP/2: ${what} is answered with 400 and not forwarded`, async (front) => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front });
    assertEquals((await http2Request(proxy.address, fields)).status, 400);
    assertEquals(origin.connections, 0);
  });
}

// Deno.serve gives it as it gives a HTTP/1.1 request without Host, which has to be refused.
onBothFronts(
  "HTTP/2: localhost with the port of the proxy as :authority is refused, unless Host says so too",
  async (front) => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front });
    const localhost = `localhost:${proxy.address.split(":")[1]}`;
    assertEquals((await http2Request(proxy.address, { ":authority": localhost })).status, 400);
    assertEquals(
      (await http2Request(proxy.address, { ":authority": localhost, "host": localhost })).status,
      200,
    );
    assertEquals(origin.requests.length, 1);
  },
  SERVE,
);

// The other side of the same coin: nothing tells it from HTTP/2, and it names the one host that it is for.
onBothFronts(
  "a HTTP/1.1 request without Host passes only when its target names a host and Connection is not sent",
  async (front) => {
    const closing = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    await using origin = wireOrigin(() => closing);
    await using proxy = testProxy(origin.address, { front });
    const { address } = proxy;
    const next = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const answers = await send(address, `GET http://a/x HTTP/1.1\r\n\r\n${next}`);
    assertEquals(statusOf(answers), 200);
    assertEquals(valuesOf(origin.requests[0]!.text, "host"), ["a"]);
    for (const target of ["/x", `http://localhost:${address.split(":")[1]}/x`]) {
      assertEquals(statusOf(await send(address, `GET ${target} HTTP/1.1\r\n\r\n${next}`)), 400, target);
    }
    assertEquals(origin.requests.map(({ line }) => line), [
      "GET /x HTTP/1.1",
      "GET /last HTTP/1.1",
      "GET /last HTTP/1.1",
      "GET /last HTTP/1.1",
    ]);
  },
  SERVE,
);

async function* late(pieces: string[]): AsyncGenerator<string> {
  for (const piece of pieces) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    yield piece;
  }
}

const UPLOADS: Record<string, () => Iterable<string> | AsyncIterable<string>> = {
  "that is there at once": () => ["hello, ", "world"],
  "that comes later, in pieces": () => late(["hel", "lo, ", "world"]),
};

for (const host of ["", "a"]) {
  for (const [what, pieces] of Object.entries(UPLOADS)) {
    for (const method of ["POST", "DELETE"]) {
      const how = host === "" ? ":authority alone" : ":authority and Host";
      onBothFronts(
        `HTTP/2: the body of a ${method} without length ${what} reaches the origin: ${how}`,
        async (front) => {
          await using origin = wireOrigin();
          await using proxy = testProxy(origin.address, { front });
          const fields = { ":method": method, ":authority": "a", ...(host === "" ? {} : { host }) };
          assertEquals((await http2Request(proxy.address, fields, pieces())).status, 200);
          const [request] = origin.requests;
          assertEquals([request!.body, framingOf(request!)], ["hello, world", [
            "transfer-encoding: chunked",
          ]]);
          assertEquals((await proxy.ended(1)).bytesReceived, 12);
        },
      );
    }
  }
}

onBothFronts("HTTP/2: a body with a length keeps it", async (front) => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front });
  const fields = { ":method": "POST", ":authority": "a", "content-length": "5" };
  assertEquals((await http2Request(proxy.address, fields, late(["he", "llo"]))).status, 200);
  assertEquals([origin.requests[0]!.body, framingOf(origin.requests[0]!)], ["hello", ["content-length: 5"]]);
});

onBothFronts(
  "HTTP/2: an upload of 300 KB without length, and as large an answer, arrive whole",
  async (front) => {
    const text = letters(300_000);
    await using origin = wireOrigin(() => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    await using proxy = testProxy(origin.address, { front });
    const fields = { ":method": "POST", ":authority": "a" };
    const answer = await http2Request(proxy.address, fields, [text.slice(0, 100_000), text.slice(100_000)]);
    assert(answer.body === text && origin.requests[0]!.body === text, "a body changed on its way");
  },
);

for (const [method, framing] of [["POST", ["content-length: 0"]], ["DELETE", []], ["OPTIONS", []]] as const) {
  onBothFronts(
    `HTTP/2: a ${method} without a body is forwarded with [${framing}] as its framing`,
    async (front) => {
      await using origin = wireOrigin();
      await using proxy = testProxy(origin.address, { front });
      const { status } = await http2Request(proxy.address, { ":method": method, ":authority": "a" });
      assertEquals([status, framingOf(origin.requests[0]!)], [200, framing]);
    },
  );
}

onBothFronts("HTTP/2: a body without length counts against the limit", async (front) => {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    options: { maxRequestBody: 10 },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front });
  const fields = { ":method": "POST", ":authority": "a" };
  assertEquals((await http2Request(proxy.address, fields, ["hello, ", "world"])).status, 413);
  assertEquals(origin.requests.length, 0);
});

onBothFronts("HTTP/2: an answer of a hook needs no part of the body", async (front) => {
  await using proxy = testProxy({ requestFilter: () => new Response("no", { status: 403 }) }, { front });
  const held = Promise.withResolvers<string>();
  async function* body() {
    yield await held.promise;
  }
  const answer = http2Request(proxy.address, { ":method": "POST", ":authority": "a" }, body());
  assertEquals((await proxy.ended(1)).status, 403);
  held.resolve("late");
  const { status, body: text } = await answer;
  assertEquals([status, text], [403, "no"]);
});

const LENGTHS: Record<string, Record<string, string>> = {
  "with a length": { "content-length": "10" },
  "without length": {},
};

// Deno.serve ends such a body as if it was complete.
for (const [what, length] of Object.entries(LENGTHS)) {
  for (const sent of ["nothing", "hello"]) {
    onBothFronts(
      `HTTP/2: a body ${what} that its client cancels after ${sent} is never complete at the origin`,
      async (front) => {
        await using origin = wireOrigin();
        await using proxy = testProxy(origin.address, { front });
        const session = http2.connect(proxy.url);
        const closed = new Promise((resolve) => session.once("close", resolve));
        const stream = session.request({ ":method": "POST", ":path": "/", ...length }, { endStream: false });
        stream.on("error", () => {});
        if (sent === "hello") await new Promise((taken) => stream.write(sent, taken));
        stream.close(http2.constants.NGHTTP2_CANCEL);
        const { status, flag } = await proxy.ended(1);
        // This client ends the stream before it resets it, which shows where a length was said.
        const isSeenShort = front === "tcp" && what === "with a length";
        assertEquals([status, flag, origin.requests.length], [
          ...isSeenShort ? [400, "DPE"] : [499, "DC"],
          0,
        ]);
        session.destroy();
        await closed;
      },
    );
  }
}

onBothFronts(
  "HTTP/2: a connection whose origin answered a cancelled upload early serves no other request",
  async (front) => {
    const cancelled = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const heads: string[] = [];
    await using origin = rawOrigin(async (connection) => {
      for (let head; (head = await connection.readHead()) !== null;) {
        heads.push(`${connection.number} ${head.split(" ")[0]}`);
        if (head.startsWith("POST")) {
          begun.resolve();
          await cancelled.promise;
        }
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
    });
    await using proxy = testProxy(origin.address, { front });
    const session = http2.connect(proxy.url);
    const closed = new Promise((resolve) => session.once("close", resolve));
    const fields = { ":method": "POST", ":path": "/", "content-length": "100000" };
    const stream = session.request(fields, { endStream: false });
    stream.on("error", () => {});
    stream.write("hello");
    await begun.promise;
    stream.close(http2.constants.NGHTTP2_CANCEL);
    // Nothing tells when the proxy has seen it; a little later it would have noticed that the client is gone.
    await new Promise((resolve) => setTimeout(resolve, 20));
    cancelled.resolve();
    await proxy.ended(1);
    assertEquals(
      statusOf(await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")),
      200,
    );
    assertEquals(heads, ["1 POST", "2 GET"]);
    session.destroy();
    await closed;
  },
);

const ANSWERS: [what: string, method: string, head: string, status: number, length: unknown][] = [
  ["HEAD with a length", "HEAD", "200 OK\r\nContent-Length: 5", 200, "5"],
  ["HEAD without a length", "HEAD", "200 OK\r\nTransfer-Encoding: chunked", 200, undefined],
  ["a 204 with a length", "GET", "204 No Content\r\nContent-Length: 5", 204, undefined],
  ["a 205 with a length", "GET", "205 Reset Content\r\nContent-Length: 0", 204, undefined],
  ["HEAD answered with a 205", "HEAD", "205 Reset Content\r\nContent-Length: 5", 204, undefined],
  ["a 304 with a length", "GET", "304 Not Modified\r\nContent-Length: 5", 304, "5"],
];

for (const [what, method, head, status, length] of ANSWERS) {
  onBothFronts(`HTTP/2: ${what} from the origin is an answer without a body`, async (front) => {
    await using origin = wireOrigin(() => `HTTP/1.1 ${head}\r\n\r\n`);
    await using proxy = testProxy(origin.address, { front });
    const answer = await http2Request(proxy.address, { ":method": method, ":authority": "a" });
    const { headers, body } = answer;
    // Deno.serve can send none.
    if (front === "tcp" && head.startsWith("205")) assertEquals([answer.status, body], [205, ""]);
    else assertEquals([answer.status, headers["content-length"], body], [status, length, ""]);
    assertEquals((await proxy.ended(1)).flag, "-");
  });
}
