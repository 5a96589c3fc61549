/**
 * A member of a group of upstreams.
 *
 * @module
 */
import type { Quantiles } from "../observe/histogram.ts";
import { type Peer, prepare } from "../upstream/peer.ts";
import type { CircuitBreaker } from "./circuit_breaker.ts";
import type { Outlier } from "./outlier.ts";

/** A member as a group is given it: a peer, and what the group is to know of it. */
export interface Member {
  /** How to reach it. */
  peer: Peer;
  /** Its share of the requests, against those of others; 0 gets no new ones. @default {1} */
  weight?: number;
  /** Gets requests only when no member of a lower priority number can be used. @default {0, or 1 for a backup} */
  priority?: number;
  /** Short for `priority: 1`. @default {false} */
  backup?: boolean;
  /** Where it stands; members of the group's own zone come first. */
  zone?: string;
  /** The most requests that it works on at a time. @default {Infinity} */
  maxInFlight?: number;
  /** For people and the status page. */
  labels?: Readonly<Record<string, string>>;
}

/** What an operator has said: take requests, finish those under way, or nothing at all. */
export type AdminState = "enabled" | "draining" | "disabled";

/** A member and what is known of it. */
export class Backend {
  /** How to reach it; replaced when only its settings change. */
  peer: Peer;
  /** Its address, for the log. */
  readonly label: string;
  /** What makes two backends the same when a group is replaced. */
  readonly key: string;
  /** See {@linkcode Member.weight}. */
  weight = 1;
  /** See {@linkcode Member.priority}. */
  priority = 0;
  /** See {@linkcode Member.zone}. */
  zone: string | undefined = undefined;
  /** See {@linkcode Member.maxInFlight}. */
  maxInFlight: number = Infinity;
  /** See {@linkcode Member.labels}. */
  labels: Readonly<Record<string, string>> = {};
  /** What an operator has said. */
  admin: AdminState = "enabled";
  /** What active checks say; undefined before the first. */
  healthy: boolean | undefined = undefined;
  /** How the last active check went: its failure or null, how long it took, and when it ended, in milliseconds since 1970. */
  lastCheck: { cause: string | null; ms: number; at: number } | undefined = undefined;
  /** Why it is as it is: the cause of the last change. */
  cause = "";
  /** Checks in a row that contradict {@linkcode Backend.healthy}. */
  contradictions = 0;
  /** Since when it is in its state, on `performance.now()`'s clock. */
  since: number = performance.now();
  /** Until when its share grows after a recovery, on `performance.now()`'s clock. */
  slowUntil = 0;
  /** Passive checks, when the group has them. */
  outlier: Outlier | undefined = undefined;
  /** A circuit breaker, when the group has one. */
  breaker: CircuitBreaker | undefined = undefined;
  /** Requests under way. */
  inFlight = 0;
  /** Places taken by requests that have just been given it and have not begun yet. */
  reserved = 0;
  /** Attempts made on it. */
  requests = 0;
  /** Attempts that it failed, or answered with a status of 500 or more. */
  failures = 0;
  /** The times to the response's head; undefined before the first. */
  times: Quantiles | undefined = undefined;
  /** Moving average of the time to the response's head, in milliseconds. */
  ewma = 0;
  /** When {@linkcode Backend.ewma} was last updated, on `performance.now()`'s clock. */
  ewmaAt = 0;

  /**
   * A backend nothing is known of.
   *
   * @throws {RangeError} when the peer's address or a setting cannot be used
   */
  constructor(member: Member | Peer) {
    const { peer } = asMember(member);
    const { label, key } = prepare(peer);
    this.peer = peer;
    this.label = label;
    this.key = key;
    this.configure(member);
  }

  /**
   * Takes over the settings of a member of the same key.
   *
   * @throws {RangeError} that names the setting that cannot be used
   */
  configure(given: Member | Peer): void {
    const member = asMember(given);
    const { weight = 1, priority = member.backup ? 1 : 0, zone, maxInFlight = Infinity, labels = {} } =
      member;
    refuseUnless("weight", weight, weight >= 0 && Number.isFinite(weight), "a number >= 0");
    refuseUnless(
      "priority",
      priority,
      Number.isSafeInteger(priority) && priority >= 0,
      "a whole number >= 0",
    );
    refuseUnless("maxInFlight", maxInFlight, maxInFlight >= 1, "a number >= 1");
    // The object stays where nothing changes, as requests under way know by it what they tried.
    if (JSON.stringify(member.peer) !== JSON.stringify(this.peer)) this.peer = member.peer;
    this.weight = weight;
    this.priority = priority;
    this.zone = zone;
    this.maxInFlight = maxInFlight;
    this.labels = labels;
  }
}

/** A member, also where only a peer was given. */
export function asMember(given: Member | Peer): Member {
  return "peer" in given ? given : { peer: given };
}

function refuseUnless(name: string, value: unknown, holds: boolean, expected: string): void {
  if (!holds) throw new RangeError(`Cannot use "${name}" of a backend: expected ${expected}, found ${value}`);
}
