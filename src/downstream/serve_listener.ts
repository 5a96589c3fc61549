/**
 * A listener of `Deno.serve`.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import type { Address } from "../upstream/address.ts";
import { type Front, type FrontHandler, giveUp } from "./front.ts";
import type { KeyPair } from "./key_pair.ts";
import type { ListenerOptions } from "./listener_options.ts";
import { type ClientInfo, ServeRequest, type UrlParts } from "./serve_request.ts";
import { serveResponse } from "./serve_response.ts";
import { WebSockets } from "./serve_websockets.ts";

/** How long to wait before listening again after the listener failed, in milliseconds; doubles up to the second value. */
const RELISTEN_AFTER = [20, 1_000] as const;

/** What there may be between a listener and its clients. */
export interface ServeBetween {
  /** TLS is spoken with it, to its end. */
  pair?: KeyPair;
  /** Who the clients of a listener are that only a relay connects to. */
  relay?: {
    /** Where the relay listens. */
    local: Deno.Addr;
    /** Whose connection comes from there; undefined when it is not the relay's. */
    clientAt(remoteAddr: Deno.Addr): ClientInfo | undefined;
  };
}

/**
 * Listens and answers.
 *
 * Running out of file descriptors ends the listener of `Deno.serve`; it is opened again until that succeeds.
 *
 * @throws when the address cannot be listened on, as `Deno.serve`
 */
export function listenServe(
  address: Address,
  handler: FrontHandler,
  listener: ListenerOptions,
  { pair, relay }: ServeBetween = {},
): Front {
  const log = getLogger("postern");
  const stopping = new AbortController();
  let server: Deno.HttpServer;
  let closed = false;
  let failed = false;
  const webSockets = new WebSockets(listener);

  const scheme = pair === undefined ? "http" : "https";
  const parts: UrlParts = {
    scheme,
    prefix: address.transport === "unix" ? "http+unix://" : `${scheme}://`,
    missingHost: "",
    local: undefined,
  };

  const open = (at: Address): Deno.HttpServer => {
    const options = {
      signal: stopping.signal,
      onListen() {},
      onError: () => new Response(null, { status: 500 }),
    };
    const tls = pair === undefined ? {} : { cert: pair.cert, key: pair.key };
    const reusePort = listener.reusePort ?? false;
    const answer = async (request: Request, info: Deno.ServeHandlerInfo): Promise<Response> => {
      const client = relay === undefined ? info : relay.clientAt(info.remoteAddr);
      if (client === undefined) return new Response(null, { status: 403 });
      const given = new ServeRequest(request, client, parts);
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
      ? Deno.serve({ ...options, path: at.path }, answer as Deno.ServeHandler<Deno.UnixAddr>)
      : Deno.serve({ ...options, ...tls, reusePort, hostname: at.hostname, port: at.port }, answer);
  };

  server = open(address);
  const addr = server.addr;
  const bound: Address = addr.transport === "tcp" ? { ...addr, transport: "tcp" } : address;
  parts.local = relay?.local ?? addr;
  // By TLS, it is rather HTTP/2 that is for localhost than HTTP/1.1 that is for nobody; behind a relay, no client means it.
  const isClear = pair === undefined || relay !== undefined;
  if (addr.transport === "tcp" && isClear) parts.missingHost = `localhost:${addr.port}`;

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
      return failed || webSockets.hasLost;
    },
    async shutdown() {
      if (closed) return await done;
      closed = true;
      const drained = webSockets.drain();
      const ended = Promise.all([server.shutdown(), done]);
      await drained;
      await Promise.race([ended, webSockets.lost]);
    },
    async close() {
      if (!closed) stopping.abort();
      closed = true;
      webSockets.close();
      await done;
    },
  };
}
