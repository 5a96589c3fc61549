import { assertEquals } from "@std/assert";
import { LoadBalancer, type ProxyModule } from "../../src/mod.ts";
import { settles } from "../support/group.ts";
import { deadAddress, type RawConnection, rawOrigin } from "../support/origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { until } from "../support/until.ts";
import { requestText, responseText, within } from "../support/wire.ts";

const OK = responseText("ok");
const UPLOAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin";
const ALWAYS_AGAIN: Partial<ProxyModule> = { options: { retries: 2 }, errorWhileProxy: () => true };

/** How a request ends, and what the backend's counts are then. */
interface Outcome {
  name: string;
  /** What the client sends. @default a GET */
  request?: string;
  /** What the origin does when it got a head. @default it answers */
  origin?: (connection: RawConnection) => Promise<unknown>;
  /** The client leaves when this holds. */
  leaves?: "at the origin" | "with the head";
  /** The proxy stops when the origin has the request. */
  stops?: boolean;
  hooks?: Partial<ProxyModule>;
  /** Nobody listens at the backend's address. */
  dead?: boolean;
  /** The client's status. */
  status: number;
  /** Attempts made on the backend. @default {1} */
  requests?: number;
  /** Failures of the backend. @default {0} */
  failures?: number;
}

const throws = () => {
  throw new Error("a test");
};
const begin = (part: string) => async (connection: RawConnection) => {
  await connection.write(part);
  await connection.closed();
};
const hang = (connection: RawConnection) => connection.closed();

const OUTCOMES: Outcome[] = [
  { name: "an answer", status: 200 },
  { name: "an answer to a HEAD", request: requestText("HEAD", "/"), status: 200 },
  { name: "a 304", origin: (c) => c.write("HTTP/1.1 304 Not Modified\r\n\r\n"), status: 304 },
  {
    name: "a 500",
    origin: (c) => c.write(responseText("", "", "500 Oh")),
    status: 500,
    failures: 1,
  },
  { name: "no connection", dead: true, status: 502, requests: 2, failures: 2 },
  { name: "an upstream that closes", origin: (c) => Promise.resolve(c.close()), status: 502, failures: 1 },
  {
    name: "attempts one after the other that all fail",
    origin: (c) => Promise.resolve(c.close()),
    hooks: ALWAYS_AGAIN,
    status: 502,
    requests: 3,
    failures: 3,
  },
  {
    name: "an upstream that breaks off in a long body",
    origin: async (c) => {
      await c.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin");
      c.close();
    },
    status: 200,
    failures: 1,
  },
  {
    name: "an upstream that breaks off in a short body of a 500",
    origin: async (c) => {
      await c.write("HTTP/1.1 500 Oh\r\nContent-Length: 10\r\n\r\nbegin");
      c.close();
    },
    status: 502,
    failures: 1,
  },
  { name: "an answer that is none", origin: (c) => c.write("nonsense\r\n\r\n"), status: 502, failures: 1 },
  { name: "a client that leaves before the head", origin: hang, leaves: "at the origin", status: 499 },
  {
    name: "a client that leaves in the middle of the body",
    origin: begin("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin"),
    leaves: "with the head",
    status: 499,
  },
  {
    name: "a client that leaves during its upload",
    request: UPLOAD,
    origin: hang,
    leaves: "at the origin",
    status: 499,
  },
  {
    name: "an answer before the end of the upload",
    request: UPLOAD,
    origin: (c) => c.write(responseText("no", "Connection: close\r\n", "413 Content Too Large")),
    leaves: "with the head",
    status: 413,
  },
  {
    name: "a deadline",
    origin: hang,
    hooks: { options: { totalTimeout: 60 } },
    status: 504,
    failures: 1,
  },
  { name: "a stop", origin: hang, stops: true, status: 503 },
  { name: "a connectedToUpstream that throws", hooks: { connectedToUpstream: throws }, status: 500 },
  { name: "an upstreamRequestFilter that throws", hooks: { upstreamRequestFilter: throws }, status: 500 },
  { name: "an upstreamResponseFilter that throws", hooks: { upstreamResponseFilter: throws }, status: 500 },
  { name: "a responseFilter that rejects", hooks: { responseFilter: () => Promise.reject(1) }, status: 500 },
  {
    name: "an errorWhileProxy that throws",
    origin: (c) => Promise.resolve(c.close()),
    hooks: { errorWhileProxy: throws },
    status: 500,
    failures: 1,
  },
];

for (const { name, request, origin, leaves, stops, hooks, dead, status, requests, failures } of OUTCOMES) {
  Deno.test(`a place is free again after ${name}`, async () => {
    let got = 0;
    await using server = rawOrigin(async (connection) => {
      while (await connection.readHead() !== null) {
        got++;
        await (origin?.(connection) ?? connection.write(OK));
      }
    });
    const address = dead ? deadAddress() : server.address;
    const balancer = new LoadBalancer([{ peer: { address }, maxInFlight: 1 }]);
    await using proxy = testProxy({ upstreamPeer: balancer.select, ...hooks });
    using client = await rawClient(proxy.address);
    await client.write(request ?? requestText("GET", "/"));
    if (leaves === "with the head") await client.readHead();
    else if (leaves !== undefined || stops) await until("the origin has it", () => got === 1);
    if (stops) await proxy[Symbol.asyncDispose]();
    else if (leaves === undefined) await within(client.closed(), "the answer's end");
    client.close();
    const entry = await within(proxy.ended(1), "the request's end");
    assertEquals(entry.status, status);
    await settles(balancer);
    const [backend] = balancer.backends;
    assertEquals(
      [backend!.requests, backend!.failures],
      [requests ?? 1, failures ?? 0],
      "requests, failures",
    );
  });
}

Deno.test("a place is free again after a hook that throws once it has chosen", async () => {
  await using origin = rawOrigin(hang);
  const balancer = new LoadBalancer([{ peer: { address: origin.address }, maxInFlight: 1 }]);
  await using proxy = testProxy({
    upstreamPeer(session) {
      balancer.select(session);
      throw new Error("a test");
    },
  });
  assertEquals((await send(proxy.address, requestText("GET", "/"))).slice(9, 12), "500");
  await settles(balancer);
  assertEquals(balancer.backends[0]!.requests, 0);
});

/** A proxy of which nobody takes the answer, or whose `failToProxy` takes its time, has a free backend nevertheless. */
Deno.test("a place is free as soon as its attempt has failed, not when the client has its answer", async () => {
  const failing = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<void>();
  const balancer = new LoadBalancer([{ peer: { address: deadAddress() }, maxInFlight: 1 }]);
  await using proxy: TestProxy = testProxy({
    upstreamPeer: balancer.select,
    async failToProxy() {
      failing.resolve();
      await answering.promise;
    },
  });
  const answer = send(proxy.address, requestText("GET", "/"));
  await failing.promise;
  assertEquals([balancer.inFlight, balancer.backends[0]!.inFlight], [0, 0]);
  answering.resolve();
  assertEquals((await answer).slice(9, 12), "502");
});
