/**
 * Members found through the DNS.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import { formatAddress } from "../upstream/address.ts";
import { isTimeout, LONGEST_TIMEOUT, type Peer } from "../upstream/peer.ts";
import type { Member } from "./backend.ts";
import type { Discovery } from "./discovery.ts";
import { lookUpSrv, type NameServer, type Question } from "./dns_lookup.ts";
import { type Family, KnownNames } from "./known_names.ts";
import { Publisher } from "./publisher.ts";

/** Settings of {@linkcode dnsDiscovery}. */
export interface DnsDiscoveryOptions {
  /** The name: of hosts when there is a `port`, otherwise of a service, such as `_http._tcp.example.com`. */
  name: string;
  /** The port of all hosts of that name. Without it, SRV records are asked for. */
  port?: number;
  /** Which addresses are asked for. @default {"both"} */
  family?: Family;
  /** What the peers have beside an address. The default `tls.serverName` is the host's name. */
  peer?: Omit<Peer, "address">;
  /** What the members have beside a peer; SRV records set `priority` and `weight`. */
  member?: Omit<Member, "peer">;
  /** The server to ask. TTLs are heeded then only with `--allow-sys=networkInterfaces`. @default the system's */
  nameServer?: NameServer;
  /** When to ask again where no TTL is known, as with SRV records, in milliseconds. @default {30_000} */
  interval?: number;
  /** Shorter TTLs count as this, in milliseconds. @default {5_000} */
  minTtl?: number;
  /** Longer TTLs count as this, in milliseconds. @default {300_000} */
  maxTtl?: number;
  /** Each pause is longer by up to this share. @default {0.1} */
  jitter?: number;
  /** The longest that an answer may take, in milliseconds. @default {5_000} */
  timeout?: number;
}

const DEFAULTS = { interval: 30_000, minTtl: 5_000, maxTtl: 300_000, timeout: 5_000, jitter: 0.1 };
/** The first pause after a failure, in milliseconds; it doubles up to the interval. */
const RETRY = 1_000;

/**
 * Finds members by their A and AAAA records, or by SRV records and those of their targets, and asks again when those
 * have expired.
 *
 * An answer that fails or is empty changes nothing. Names in `/etc/hosts` are not known to the DNS. The server that is
 * asked has to be in `--allow-net` too.
 *
 * @throws {RangeError} that names the option that cannot be used
 */
export function dnsDiscovery(options: DnsDiscoveryOptions): Discovery {
  const rules = { ...DEFAULTS, ...options };
  for (const key of ["interval", "minTtl", "maxTtl", "timeout"] as const) {
    if (isTimeout(rules[key]) && rules[key] >= 1) continue;
    throw new RangeError(
      `Cannot use discovery "${key}": expected milliseconds from 1 to ${LONGEST_TIMEOUT}, found ${
        rules[key]
      }`,
    );
  }
  if (!/^[0-9A-Za-z_.-]+$/.test(rules.name)) {
    throw new RangeError(`Cannot use discovery "name": expected a host name, found ${rules.name}`);
  }
  if (!(rules.jitter >= 0 && rules.jitter <= 1)) {
    throw new RangeError(
      `Cannot use discovery "jitter": expected a number from 0 to 1, found ${rules.jitter}`,
    );
  }
  return new DnsDiscovery(rules);
}

type Rules = DnsDiscoveryOptions & typeof DEFAULTS;

/** What a round found, and for how long it is good. */
interface Found {
  members: Member[];
  ttl: number | undefined;
}

class DnsDiscovery implements Discovery {
  readonly name: string;
  readonly #rules: Rules;
  /** The SRV records of the last answer that had any. */
  #records: readonly Deno.SrvRecord[] = [];

  constructor(rules: Rules) {
    this.name = `dns ${rules.name}`;
    this.#rules = rules;
  }

  async run(signal: AbortSignal, found: (members: readonly Member[]) => void): Promise<void> {
    const { nameServer, timeout, jitter, interval, port } = this.#rules;
    const question: Question = { timeout, signal, ...(nameServer === undefined ? {} : { nameServer }) };
    const names = new KnownNames(this.name);
    const publisher = new Publisher(this.name, found);
    for (let failures = 0; !signal.aborted;) {
      const round = port === undefined
        ? await this.#services(names, question)
        : await this.#hosts(names, question, this.#rules.name, port, {});
      if (signal.aborted) return;
      await publisher.publish(distinct(round.members));
      failures = names.failing ? failures + 1 : 0;
      const pause = failures > 0
        ? Math.min(RETRY * 2 ** (failures - 1), interval)
        : this.#untilNext(round.ttl);
      await sleep(Math.min(pause * (1 + jitter * Math.random()), LONGEST_TIMEOUT), signal);
    }
  }

  #untilNext(ttl: number | undefined): number {
    const { interval, minTtl, maxTtl } = this.#rules;
    return ttl === undefined ? interval : Math.min(Math.max(ttl, minTtl), maxTtl);
  }

  async #hosts(
    names: KnownNames,
    question: Question,
    host: string,
    port: number,
    settings: Omit<Member, "peer">,
  ): Promise<Found> {
    const { family = "both", peer = {}, member = {} } = this.#rules;
    const { addresses, ttl } = await names.addressesOf(host, family, question);
    const tls = peer.tls && { serverName: host, ...peer.tls };
    const members = addresses.map((hostname): Member => ({
      ...member,
      ...settings,
      peer: {
        ...peer,
        ...(tls === undefined ? {} : { tls: { ...tls } }),
        address: formatAddress({ transport: "tcp", hostname, port }),
      },
    }));
    return { members, ttl };
  }

  async #services(names: KnownNames, question: Question): Promise<Found> {
    const { name, interval } = this.#rules;
    try {
      // A target of "." says that there is no such service.
      const records = (await lookUpSrv(name, question)).filter(({ target }) => target !== ".");
      if (records.length > 0) {
        this.#records = records;
        names.worked(name);
      } else {
        names.failed(name, "no SRV records", this.#records.length > 0);
      }
    } catch (error) {
      if (question.signal.aborted) return { members: [], ttl: undefined };
      names.failed(name, messageOf(error), this.#records.length > 0);
    }
    const targets = this.#records.map(({ target }) => target.replace(/\.$/, ""));
    names.keepOnly([name, ...targets]);
    const found = await Promise.all(
      this.#records.map(({ priority, port, weight }, i) =>
        this.#hosts(names, question, targets[i]!, port, {
          priority,
          // RFC 2782: weight 0 is for few or no requests beside others; here it would be for none.
          weight: Math.max(weight, 1),
        })
      ),
    );
    // How long SRV records are good for is not known.
    const ttls = [interval, ...found.flatMap(({ ttl }) => ttl ?? [])];
    return { members: found.flatMap(({ members }) => members), ttl: Math.min(...ttls) };
  }
}

/** Without those whose address another one has; the first, of the lowest priority number, stays. */
function distinct(members: readonly Member[]): Member[] {
  const byAddress = new Map<string, Member>();
  const inOrder = members.toSorted((a, b) =>
    (a.priority ?? 0) - (b.priority ?? 0) || (a.peer.address < b.peer.address ? -1 : 1)
  );
  for (const member of inOrder) {
    if (!byAddress.has(member.peer.address)) byAddress.set(member.peer.address, member);
  }
  return [...byAddress.values()];
}
