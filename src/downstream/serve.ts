/**
 * The front on `Deno.serve`.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import type { Address } from "../upstream/address.ts";
import type { ListenerOptions } from "./listener_options.ts";
import { type Front, type FrontHandler, giveUp } from "./front.ts";
import { ServeRequest, type UrlParts } from "./serve_request.ts";
import { serveResponse } from "./serve_response.ts";
import { WebSockets } from "./serve_websockets.ts";

/** How long to wait before listening again after the listener failed, in milliseconds; doubles up to the second value. */
const RELISTEN_AFTER = [20, 1_000] as const;

/**
 * Listens and answers.
 *
 * Running out of file descriptors ends the listener of `Deno.serve`; it is opened again until that succeeds.
 *
 * @throws when the address cannot be listened on, as `Deno.serve`
 */
export function serve(address: Address, handler: FrontHandler, options: ListenerOptions = {}): Front {
  const log = getLogger("postern");
  const stopping = new AbortController();
  let server: Deno.HttpServer;
  let closed = false;
  let failed = false;
  const webSockets = new WebSockets(options);

  const parts: UrlParts = {
    prefix: address.transport === "unix" ? "http+unix://" : "http://",
    missingHost: "",
    local: undefined,
  };

  const open = (at: Address): Deno.HttpServer => {
    const settings = {
      signal: stopping.signal,
      onListen() {},
      onError: () => new Response(null, { status: 500 }),
    };
    const answer = async (request: Request, info: Deno.ServeHandlerInfo): Promise<Response> => {
      const given = new ServeRequest(request, info, parts);
      if (given.unframed) await given.look();
      const response = await handler(given);
      try {
        if (response.tunnel !== undefined) return webSockets.accept(request, response, response.tunnel);
        return serveResponse(response, request.method, info);
      } catch (error) {
        log.error(
          `cannot send the answer to ${given.method} ${given.host}${given.target}: ${messageOf(error)}`,
        );
        giveUp(response);
        return new Response(null, { status: 500 });
      }
    };
    return at.transport === "unix"
      ? Deno.serve({ ...settings, path: at.path }, answer as Deno.ServeHandler<Deno.UnixAddr>)
      : Deno.serve({ ...settings, hostname: at.hostname, port: at.port }, answer);
  };

  server = open(address);
  const addr = server.addr;
  const bound: Address = addr.transport === "tcp" ? { ...addr, transport: "tcp" } : address;
  parts.local = addr;
  if (addr.transport === "tcp") parts.missingHost = `localhost:${addr.port}`;

  const keepListening = async () => {
    while (!closed) {
      try {
        await server.finished;
        return;
      } catch (error) {
        failed = true;
        log.error(`listener failed: ${messageOf(error)}; opening it again`);
      }
      for (let wait: number = RELISTEN_AFTER[0]; !closed; wait = Math.min(wait * 2, RELISTEN_AFTER[1])) {
        await sleep(wait, stopping.signal);
        try {
          if (!closed) server = open(bound);
          break;
        } catch (error) {
          log.error(`cannot listen again: ${messageOf(error)}`);
        }
      }
    }
  };
  const done = keepListening();

  return {
    addr,
    get failed() {
      return failed;
    },
    async shutdown() {
      if (closed) return await done;
      closed = true;
      const drained = webSockets.drain();
      await server.shutdown();
      await Promise.all([done, drained]);
    },
    async close() {
      if (!closed) stopping.abort();
      closed = true;
      webSockets.close();
      await done;
    },
  };
}
