import { assert, assertEquals } from "@std/assert";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { ProxyModule, ProxyOptions } from "../../src/mod.ts";
import { Proxy } from "../../src/proxy/proxy.ts";
import { onBothFronts } from "../support/fronts.ts";
import { cannedOrigin, latin1, rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { chunked, parseMessage, requestText, responseText, valueOf, within } from "../support/wire.ts";

const TEXT = "All work and no play. ".repeat(200);
const DECODE = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };

function compressing(address: string, compression: ProxyOptions["compression"] = true): ProxyModule {
  return { upstreamPeer: () => ({ address }), options: { compression } };
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

for (const coding of ["gzip", "br", "zstd"] as const) {
  for (
    const [how, response] of [
      ["with a length", responseText(TEXT, "Content-Type: text/html\r\n")],
      [
        "in chunks",
        `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n${chunked([TEXT])}`,
      ],
      ["up to the end of the connection", `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n${TEXT}`],
    ]
  ) {
    onBothFronts(`a text ${how} reaches a client that accepts ${coding} in it`, async (front) => {
      const closes = !response!.includes("Content-Length") && !response!.includes("chunked");
      await using origin = closes
        ? rawOrigin(async (connection) => {
          await connection.readHead();
          await connection.write(response!);
        })
        : cannedOrigin(response!);
      await using proxy = testProxy(compressing(origin.address), { front });
      const answer = await send(proxy.address, requestText("GET", "/", `Accept-Encoding: ${coding}\r\n`));
      const message = parseMessage(answer);
      assertEquals(valueOf(message.fields, "content-encoding"), coding);
      assertEquals(valueOf(message.fields, "vary"), "accept-encoding");
      assertEquals(latin1(DECODE[coding](bytesOf(message.body))), TEXT);
    });
  }
}

interface LeftAlone {
  name: string;
  lines: string;
  accept?: string;
  body?: string;
  status?: string;
  options?: ProxyOptions["compression"];
  vary?: string;
}

const LEFT_ALONE: LeftAlone[] = [
  {
    name: "no coding is accepted",
    lines: "Content-Type: text/html\r\n",
    accept: "identity",
    vary: "accept-encoding",
  },
  { name: "the type does not get smaller", lines: "Content-Type: image/png\r\n" },
  { name: "there is no type", lines: "" },
  { name: "it is encoded already", lines: "Content-Type: text/html\r\nContent-Encoding: br\r\n" },
  {
    name: "it must not be transformed",
    lines: "Content-Type: text/html\r\nCache-Control: public, no-transform\r\n",
  },
  {
    name: "it is a part",
    lines: "Content-Type: text/html\r\nContent-Range: bytes 0-1/9\r\n",
    status: "206 Partial",
  },
  { name: "it is small", lines: "Content-Type: text/html\r\n", body: "small" },
  {
    name: "its type is not among those asked for",
    lines: "Content-Type: text/html\r\n",
    options: { types: ["application/json"] },
  },
  {
    name: "the client accepts none of those asked for",
    lines: "Content-Type: text/html\r\n",
    options: { encodings: ["br"] },
    vary: "accept-encoding",
  },
  { name: "compression is off", lines: "Content-Type: text/html\r\n", options: false },
];

for (
  const { name, lines, accept = "gzip", body = TEXT, status = "200 OK", options = true, vary = null }
    of LEFT_ALONE
) {
  Deno.test(`a response is left as it is when ${name}`, async () => {
    const text = responseText(body, `ETag: "a"\r\n${lines}`).replace("200 OK", status);
    await using origin = cannedOrigin(text);
    await using proxy = testProxy(compressing(origin.address, options));
    const answer = parseMessage(
      await send(proxy.address, requestText("GET", "/", `Accept-Encoding: ${accept}\r\n`)),
    );
    assertEquals(answer.body, body);
    assertEquals([valueOf(answer.fields, "etag"), valueOf(answer.fields, "vary")], ['"a"', vary]);
    assertEquals(valueOf(answer.fields, "content-length"), String(body.length));
  });
}

Deno.test("a HEAD has the head of the GET, but for the length", async () => {
  const text = responseText("", `Content-Type: text/css\r\nETag: "a"\r\nAccept-Ranges: bytes\r\n`)
    .replace("Content-Length: 0", "Content-Length: 5000");
  await using origin = cannedOrigin(text);
  await using proxy = testProxy(compressing(origin.address));
  const answer = parseMessage(
    await send(proxy.address, requestText("HEAD", "/", "Accept-Encoding: gzip\r\n")),
  );
  const names = ["content-encoding", "etag", "vary", "content-length", "accept-ranges"];
  assertEquals(names.map((name) => valueOf(answer.fields, name)), [
    "gzip",
    'W/"a"',
    "accept-encoding",
    null,
    null,
  ]);
});

Deno.test("an entity tag becomes weak, and a 304 that confirms it says the same", async () => {
  await using origin = cannedOrigin('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nVary: Origin\r\n\r\n');
  await using proxy = testProxy(compressing(origin.address));
  const ask = async (tag: string) => {
    const lines = `Accept-Encoding: gzip\r\nIf-None-Match: ${tag}\r\n`;
    const answer = parseMessage(await send(proxy.address, requestText("GET", "/", lines)));
    return [valueOf(answer.fields, "etag"), valueOf(answer.fields, "vary")];
  };
  assertEquals(await ask('W/"a"'), ['W/"a"', "Origin, accept-encoding"]);
  assertEquals(await ask('"a"'), ['"a"', "Origin"]);
});

Deno.test("hooks see what is not compressed yet, and what they answer is compressed too", async () => {
  await using origin = cannedOrigin(responseText(TEXT, "Content-Type: text/plain\r\n"));
  await using proxy = testProxy({
    ...compressing(origin.address),
    requestFilter: ({ request }) => request.target === "/own" ? new Response(TEXT) : undefined,
    responseBodyFilter: (_, chunk) => chunk && bytesOf(latin1(chunk).replaceAll("work", "W")),
  });
  const ask = async (target: string) => {
    const answer = parseMessage(
      await send(proxy.address, requestText("GET", target, "Accept-Encoding: gzip\r\n")),
    );
    return latin1(gunzipSync(bytesOf(answer.body)));
  };
  assertEquals(await ask("/"), TEXT.replaceAll("work", "W"));
  assertEquals(await ask("/own"), TEXT);
});

for (const coding of ["gzip", "br", "zstd"] as const) {
  onBothFronts(`each event reaches the client before the next is made, in ${coding}`, async (front) => {
    const seen = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      await connection.write(chunked(["data: one\n\n"]).replace(/0\r\n\r\n$/, ""));
      await seen[0]!.promise;
      await connection.write(chunked(["data: two\n\n"]));
    });
    await using proxy = testProxy(compressing(origin.address), { front });
    const answer = await fetch(proxy.url, { headers: { "accept-encoding": coding } });
    const reader = answer.body!.getReader();
    if (coding === "zstd") {
      // What fetch does not decode itself.
      await within(reader.read(), "the first event");
      seen[0]!.resolve();
    } else {
      const decoder = new TextDecoder();
      const first = await within(reader.read(), "the first event");
      assertEquals(decoder.decode(first.value), "data: one\n\n");
      seen[0]!.resolve();
      assertEquals(decoder.decode((await within(reader.read(), "the second")).value), "data: two\n\n");
    }
    while (!(await reader.read()).done);
  });
}

onBothFronts("a body that breaks off is not made to look whole", async (front) => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(
      `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n${
        chunked([TEXT]).replace(/0\r\n\r\n$/, "")
      }`,
    );
  });
  await using proxy = testProxy(compressing(origin.address), { front });
  const answer = await send(proxy.address, requestText("GET", "/", "Accept-Encoding: gzip\r\n"));
  assert(!answer.endsWith("0\r\n\r\n"), "the last chunk");
  assertEquals((await proxy.ended(1)).flag, "UC");
});

onBothFronts(
  "a client that leaves in the middle gives the upstream and the compressor back",
  async (front) => {
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nbegun");
      await connection.closed();
    });
    await using proxy = testProxy(compressing(origin.address), { front });
    using client = await rawClient(proxy.address);
    await client.write(requestText("GET", "/", "Accept-Encoding: br\r\n"));
    await client.readHead();
    client.close();
    assertEquals((await proxy.ended(1)).status, 499);
  },
);

Deno.test("settings that cannot be used are named", () => {
  const bad = (compression: unknown) => {
    try {
      new Proxy({ requestFilter() {}, options: { compression } as ProxyOptions });
    } catch (error) {
      return (error as Error).message;
    }
  };
  assertEquals(bad("yes"), 'option "compression" is a string, expected true, false or an object');
  assertEquals(
    bad({ encodings: ["deflate"] }),
    'option "compression.encodings" is a list, expected a list of zstd, br, gzip',
  );
  assertEquals(bad({ minsize: 1 }), 'unknown option "compression.minsize", did you mean "minSize"?');
  assertEquals(
    bad({ minSize: -1 }),
    'option "compression.minSize" is -1, expected a whole number of bytes >= 0',
  );
});
