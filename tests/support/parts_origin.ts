/**
 * Responses written piece by piece, and the client's view of them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { FrontName } from "./fronts.ts";
import { type Origin, rawOrigin } from "./origin.ts";
import { testProxy } from "./proxy.ts";
import { send } from "./send.ts";
import { type Message, parseMessage, requestText, valueOf } from "./wire.ts";

/** As the last part of a response: the origin closes the connection. */
export const CLOSE = "";

/** An origin that answers every request with these parts, one write each. */
export function partsOrigin(parts: readonly string[]): Origin {
  return rawOrigin(async (connection) => {
    while (await connection.readHead() !== null) {
      for (const [i, part] of parts.entries()) {
        if (part === CLOSE) return;
        // Nothing tells when the proxy has read the part before. Mostly this is long enough; nothing fails if it is not.
        if (i > 0) await new Promise((resolve) => setTimeout(resolve, 15));
        await connection.write(part);
      }
    }
  });
}

/** A response, and what the client has to get of it. */
export interface Relayed {
  /** Which case this is. */
  name: string;
  /** What the origin writes. */
  parts: string[];
  /** What is asked for. @default {"GET"} */
  method?: string;
  /** The client's status. @default {200} */
  status?: number;
  /** The client's body. */
  body: string;
  /** Fields of the client's answer; null means that there is none. */
  fields?: Record<string, string | null>;
  /** Whether the next request goes over the same upstream connection. */
  reused: boolean;
}

/** Sends a request twice through a proxy: both answers have to be right, over as many upstream connections as expected. */
export async function checkRelayed(one: Relayed, front: FrontName = "serve"): Promise<void> {
  await using origin = partsOrigin(one.parts);
  await using proxy = testProxy(origin.address, { front });
  for (let i = 0; i < 2; i++) {
    const text = await send(proxy.address, requestText(one.method ?? "GET", "/"));
    checkMessage(parseMessage(text), one);
    if (one.method === "HEAD") {
      assertEquals(text.indexOf("\r\n\r\n"), text.length - 4, "a HEAD's answer has no body");
    }
  }
  assertEquals(origin.connections, one.reused ? 1 : 2, "upstream connections");
  assertEquals(proxy.idleConnections, one.reused ? 1 : 0, "connections kept");
}

function checkMessage(message: Message, { method, status = 200, body, fields = {} }: Relayed): void {
  assertEquals([message.status, message.body], [status, body]);
  if (method !== "HEAD") assertEquals(message.complete, true, "complete");
  for (const [name, value] of Object.entries(fields)) {
    assertEquals(valueOf(message.fields, name), value, name);
  }
}
