/**
 * Many connections that do nothing, a program of its own. Arguments: CONTROL PORT CONNECTIONS.
 *
 * Listens on CONTROL. `GET /connect` opens the connections, `GET /request` makes one request on each, and `GET /closed`
 * gives how many of them the proxy closed since. What cannot be done is answered by 500 and a reason.
 *
 * @module
 */
import { CASES } from "./cases.ts";
import { messageOf } from "./cleanup.ts";
import { readHead, writeAll } from "./tunnel_head.ts";

/** How many are opened, or make their request, at once. */
const AT_ONCE = 64;

const [control, port, connections] = Deno.args;
const { path, size } = CASES[0]!;
const REQUEST = new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
const conns: Deno.TcpConn[] = [];
let closed = 0;

Deno.serve({ hostname: "127.0.0.1", port: Number(control), onListen: () => {} }, async (request) => {
  const { pathname } = new URL(request.url);
  try {
    if (pathname === "/connect") await eachOf(Number(connections), connect);
    if (pathname === "/request") await eachOf(conns.length, (i) => ask(conns[i]!));
    return Response.json(closed);
  } catch (error) {
    return new Response(`${conns.length} connections, then: ${messageOf(error)}`, { status: 500 });
  }
});

/** Does something for every number below `count`, some at once. */
async function eachOf(count: number, what: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) await what(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function connect(): Promise<void> {
  conns.push(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
}

/** Makes the request, and has an eye on the connection from then on. */
async function ask(conn: Deno.TcpConn): Promise<void> {
  await writeAll(conn, REQUEST);
  const head = await readHead(conn);
  const line = head?.lines[0] ?? "";
  if (!line.startsWith("HTTP/1.1 200 ")) throw new Error(`The answer is ${line === "" ? "missing" : line}`);
  const buffer = new Uint8Array(size);
  for (let length = head!.rest.length; length < size;) {
    const n = await conn.read(buffer);
    if (n === null) throw new Error("An answer ends too early");
    length += n;
  }
  const gone = () => void closed++;
  conn.read(buffer.subarray(0, 1)).then(gone, gone);
}
