/** Hooks that have to do with upgrades: what they see goes into fields of the answer. */
import type { Peer, ProxyModule } from "../../../src/mod.ts";

export const upstreams: Peer[] = [];

export const requestFilter: ProxyModule["requestFilter"] = ({ upgrade, request }) => {
  if (request.target === "/refused" && upgrade !== null) {
    return new Response(`no ${upgrade} here`, { status: 403 });
  }
};

export const upstreamPeer: ProxyModule["upstreamPeer"] = () => upstreams[0]!;

export const responseFilter: ProxyModule["responseFilter"] = (session, response) => {
  response.headers.set("x-seen", `${session.upgrade} ${response.status}`);
  if (session.request.target === "/taken_back") response.status = 503;
};
