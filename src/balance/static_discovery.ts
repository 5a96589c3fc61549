/**
 * Members that are known from the start.
 *
 * @module
 */
import type { Peer } from "../upstream/peer.ts";
import { asMember, type Member } from "./backend.ts";
import type { Discovery } from "./discovery.ts";
import { Publisher } from "./publisher.ts";

/** Finds these members, always. */
export function staticDiscovery(members: readonly (Member | Peer)[]): Discovery {
  const name = "static";
  return { name, run: (_signal, found) => new Publisher(name, found).publish(members.map(asMember)) };
}
