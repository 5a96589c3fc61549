/**
 * Listening as the settings say: on one of the fronts, with what stands around it.
 *
 * @module
 */
import type { Front, FrontHandler } from "../downstream/front.ts";
import type { ListenerOptions } from "../downstream/listener_options.ts";
import { serve } from "../downstream/serve.ts";
import { listenTcp } from "../downstream/tcp/listen.ts";
import { messageOf } from "../http/errors.ts";
import { type Address, formatAddress, parseAddress } from "../upstream/address.ts";
import { withHsts } from "./hsts.ts";
import { redirectTo } from "./redirect.ts";

/** A front, and the listener that redirects to it, if there is one, as one. */
export interface Listening extends Front {
  /** Where it listens: `host:port` or `unix:/path`. */
  readonly address: string;
  /** Where those are listened to who are redirected to it; undefined for nowhere. */
  readonly redirectAddress: string | undefined;
}

/**
 * Listens and answers.
 *
 * @throws when an address cannot be listened on, or a certificate cannot be used; then nothing is left
 */
export function listenAt(address: Address, handler: FrontHandler, how: ListenerOptions): Listening {
  const answer = how.hsts === undefined ? handler : withHsts(handler, how.hsts);
  const front = (how.front === "tcp" ? listenTcp : serve)(address, answer, how);
  const redirect = redirectFor(front, how);
  const both = redirect === undefined ? [front] : [front, redirect];
  return {
    addr: front.addr,
    address: formatAddress(addressOf(front.addr, address)),
    redirectAddress: redirect && formatAddress(redirect.addr as Address),
    get failed() {
      return front.failed;
    },
    async shutdown() {
      await Promise.all(both.map((one) => one.shutdown()));
    },
    async close() {
      await Promise.all(both.map((one) => one.close()));
    },
    renewTls: () => front.renewTls?.(),
    configure(how) {
      if (front.configure !== undefined) front.configure(how);
      else if (how.relayPorts !== undefined) front.renewTls?.();
    },
  };
}

/** The listener that redirects to a front, if there is to be one. It has the limits of the own server. */
function redirectFor(front: Front, how: ListenerOptions): Front | undefined {
  const { redirectHttp, redirectPort, tls: _tls, ...rest } = how;
  if (redirectHttp === undefined) return undefined;
  const port = redirectPort ?? (front.addr.transport === "tcp" ? front.addr.port : undefined);
  try {
    return listenTcp(parseAddress(redirectHttp), redirectTo(port), rest);
  } catch (error) {
    front.close();
    throw new Error(`cannot redirect from ${redirectHttp}: ${messageOf(error)}`, { cause: error });
  }
}

function addressOf(addr: Deno.Addr, asked: Address): Address {
  return addr.transport === "tcp" ? { transport: "tcp", hostname: addr.hostname, port: addr.port } : asked;
}
