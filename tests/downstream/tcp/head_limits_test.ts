/** The largest heads, by the settings of the listener: up to the limit they are answered, a byte beyond they are not. */
import { assertEquals } from "@std/assert";
import type { ListenerOptions } from "../../../src/mod.ts";
import { testProxy } from "../../support/proxy.ts";
import { send, statusOf } from "../../support/send.ts";

const END = "Host: a\r\nConnection: close\r\n";

/** A head whose request line has so many bytes, CRLF included. */
function lineOf(bytes: number): string {
  const rest = "GET / HTTP/1.1\r\n".length;
  return `GET /${"x".repeat(bytes - rest)} HTTP/1.1\r\n${END}\r\n`;
}

/** A head of so many bytes. */
function headOf(bytes: number): string {
  const head = `GET / HTTP/1.1\r\n${END}X-Long: \r\n\r\n`;
  return head.replace("X-Long: ", `X-Long: ${"x".repeat(bytes - head.length)}`);
}

/** A head with so many fields. */
function fieldsOf(count: number): string {
  return `GET / HTTP/1.1\r\n${END}${"a: b\r\n".repeat(count - 2)}\r\n`;
}

const LIMITS: [options: ListenerOptions, head: (size: number) => string, limit: number, status: number][] = [
  [{ maxRequestLine: 300 }, lineOf, 300, 414],
  [{ maxRequestLine: 9_000 }, lineOf, 9_000, 414],
  [{}, lineOf, 16_384, 414],
  [{ maxHead: 1_024 }, headOf, 1_024, 431],
  [{ maxHead: 5_000 }, headOf, 5_000, 431],
  [{}, headOf, 65_536, 431],
  [{ maxFields: 3 }, fieldsOf, 3, 431],
  [{}, fieldsOf, 200, 431],
];

for (const [options, head, limit, status] of LIMITS) {
  Deno.test(`listener ${JSON.stringify(options)}: a head up to its limit of ${limit} is answered, beyond with ${status}`, async () => {
    const answer = () => new Response(null, { status: 204 });
    await using proxy = testProxy({ requestFilter: answer }, { front: "tcp", ...options });
    const sizes = [limit, limit + 1, 2 * limit];
    const answers = await Promise.all(sizes.map((size) => send(proxy.address, head(size))));
    assertEquals(answers.map(statusOf), [204, status, status]);
    assertEquals(proxy.entries.map(({ flag }) => flag).toSorted(), ["-", "DPE", "DPE"]);
  });
}
