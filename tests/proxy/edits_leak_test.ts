/** That what hooks make of one request is for that request alone, whatever connections the next one shares with it. */
import { assertEquals } from "@std/assert";
import type { ProxyModule, RequestHead, ResponseHead } from "../../src/mod.ts";
import { onBothFronts } from "../support/fronts.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { type Message, parseMessage, responseText, within } from "../support/wire.ts";
import { type WireOrigin, wireOrigin } from "../support/wire_origin.ts";

const EDITED = "/edited";
const OWN = /^(date|via|x-forwarded-\w+|x-request-id): /;

function editRequest(request: RequestHead): void {
  request.headers.set("host", "edited.example");
  request.headers.set("x-secret", "token");
  request.headers.append("x-kept", "and more");
  request.headers.delete("x-dropped");
}

function editResponse(response: ResponseHead): void {
  response.status = 201;
  response.headers.set("x-secret", "token");
  response.headers.append("set-cookie", "session=1");
  response.headers.append("x-kept", "and more");
  response.headers.delete("x-dropped");
}

/** Each edits what belongs to one target, and nothing else. */
const HOOKS: Record<string, ProxyModule> = {
  requestFilter: {
    requestFilter: ({ request }) => request.target === EDITED ? editRequest(request) : undefined,
  },
  upstreamRequestFilter: {
    upstreamRequestFilter: ({ request }, copy) => request.target === EDITED ? editRequest(copy) : undefined,
  },
  upstreamResponseFilter: {
    upstreamResponseFilter: ({ request }, head) => request.target === EDITED ? editResponse(head) : undefined,
  },
  responseFilter: {
    responseFilter: ({ request }, head) => request.target === EDITED ? editResponse(head) : undefined,
  },
};

/** An origin that answers every request alike. */
function alike(): WireOrigin {
  return wireOrigin(() => responseText("hello", "X-Kept: 1\r\nX-Dropped: 1\r\n"));
}

function request(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\nX-Dropped: 1\r\n\r\n`;
}

/** The head of an answer without what differs from request to request. */
function headOf({ status, fields }: Message): string[] {
  const lines = fields.map(([name, value]) => `${name}: ${value}`);
  return [String(status), ...lines.filter((line) => !OWN.test(line)).sort()];
}

/** The own server keeps the spelling of names. */
function lowerName(field: string): string {
  return field.replace(/^[^:]+/, (name) => name.toLowerCase());
}

const UNTOUCHED = {
  request: ["host: a", "x-dropped: 1", "x-kept: 1"],
  response: ["200", "content-length: 5", "x-dropped: 1", "x-kept: 1"],
};

for (const [hook, hooks] of Object.entries(HOOKS)) {
  for (const clients of ["one client connection", "two client connections"]) {
    onBothFronts(
      `what ${hook} edits for one request does not show in the next, over ${clients} and one upstream's`,
      async (front) => {
        await using origin = alike();
        await using proxy = testProxy({ ...hooks, upstreamPeer: () => ({ address: origin.address }) }, {
          front,
        });
        using first = await rawClient(proxy.address);
        using second = await rawClient(proxy.address);
        const answers: Message[] = [];
        for (const target of ["/before", EDITED, "/after", EDITED, "/last"]) {
          const client = target === EDITED || clients.startsWith("one") ? first : second;
          const from = client.received.length;
          await client.write(request(target));
          await within(client.readUntil("hello", from), `the answer to ${target}`);
          answers.push(parseMessage(client.received.slice(from)));
        }
        assertEquals(origin.connections, 1);
        const heads = answers.map(headOf);
        const sent = origin.requests.map(({ fields }) =>
          fields.map(lowerName).filter((field) => !OWN.test(field)).sort()
        );
        for (const i of [0, 2, 4]) assertEquals([sent[i], heads[i]], [UNTOUCHED.request, UNTOUCHED.response]);
        const onRequest = hook.endsWith("equestFilter");
        const edited = onRequest ? sent : heads;
        assertEquals(edited[1], edited[3]);
        assertEquals(edited[1]!.includes("x-secret: token"), true);
        assertEquals((onRequest ? heads : sent)[1], onRequest ? UNTOUCHED.response : UNTOUCHED.request);
      },
    );
  }
}
