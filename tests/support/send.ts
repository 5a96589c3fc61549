/**
 * Clients that say a text and listen.
 *
 * @module
 */
import { rawClient } from "./proxy.ts";
import { within } from "./wire.ts";

/** A test that waits this long for an answer, in milliseconds, has failed. */
const LONG = 10_000;

/**
 * Sends latin-1 text on a new connection and gives back everything until the other side closes: ask for
 * `Connection: close`. After a long time it gives up, so that an answer that never ends is a failure and no hang.
 */
export async function send(address: string, text: string): Promise<string> {
  using client = await rawClient(address);
  const timer = setTimeout(() => client.close(), LONG);
  await client.write(text).catch(() => {});
  await client.closed();
  clearTimeout(timer);
  return client.received;
}

/** The status of a response, 0 when there is none. */
export function statusOf(response: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3}) /.exec(response)?.[1] ?? 0);
}

/** Sends bytes on a new connection and reads until the other side closes, which it must: the statuses of all answers. */
export async function statuses(address: string, text: string): Promise<number[]> {
  using client = await rawClient(address);
  await client.write(text);
  await within(client.closed(), `the other side to close on ${JSON.stringify(text)}`);
  return [...client.received.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}

/** The values of the field lines of that name in the head of a message. */
export function valuesOf(message: string, name: string): string[] {
  return message.slice(0, message.indexOf("\r\n\r\n")).split("\r\n").slice(1)
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());
}
