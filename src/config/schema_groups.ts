/**
 * The schema of `groups`: the upstreams, and how one is chosen.
 *
 * @module
 */
import * as z from "zod";
import { breaker, outlier, statuses, sticky } from "./schema_guards.ts";
import {
  address,
  duration,
  file,
  flag,
  key,
  list,
  mapping,
  matching,
  number,
  oneOf,
  oneOrMore,
  section,
  text,
  whole,
} from "./schema_values.ts";

const tls = section({
  serverName: key(
    text("the name of a server"),
    "Sent as SNI and looked for in the certificate (default: the host of the address)",
  ),
  caCerts: key(oneOrMore(file()), "PEM files of certificates to trust beside the system's"),
  verifyName: key(flag(), "false accepts a trusted certificate made out to any name (default: true)"),
});

const timeouts = section({
  connect: key(duration(), "The connection stands (default: 5s)"),
  tls: key(duration(), "The TLS handshake is done (default: 5s)"),
  firstByte: key(duration(), "The response's head is there (default: 60s)"),
  readIdle: key(duration(), "Silence between two pieces of the response's body (default: 60s)"),
  write: key(duration(), "One piece of the request is taken by the upstream (default: 60s)"),
  poolIdle: key(duration(), "An unused connection is kept; 0 keeps none (default: 60s)"),
});

const version = z.union([z.literal(1), z.literal(2)], { error: "1 or 2" });

/** What peers have beside an address, for one member or for all of a group. */
const peer = {
  tls: key(
    z.union([flag(), tls]),
    "Speak TLS to the upstream: true, or a mapping (default: false)",
  ),
  timeouts: key(timeouts, "How long to wait for the upstream; 0 is for ever"),
  protocol: key(
    oneOf("http1", "http2", "auto"),
    "HTTP version: auto asks by ALPN where TLS is spoken (default: http1)",
  ),
  maxIdle: key(whole(), "Connections kept when unused (default: 128)"),
  proxyProtocol: key(version, "Begin connections with a PROXY protocol header of this version"),
};

const member = section({
  address: address.describe("host:port, [v6]:port or unix:/path"),
  weight: key(
    number(),
    "Its share of the requests, against those of others; 0 gets no new ones (default: 1)",
  ),
  priority: key(
    whole(),
    "Gets requests only when no member of a lower priority number can be used (default: 0)",
  ),
  backup: key(flag(), "Short for priority 1 (default: false)"),
  zone: key(text("the name of a zone"), "Where it stands; members of the group's own zone come first"),
  maxInFlight: key(whole(1), "The most requests that it works on at a time (default: no limit)"),
  labels: key(mapping(text(), z.string({ error: "a text" })), "For people and the status page"),
  ...peer,
});

const hashKey = matching(
  /^(?:client|path|header:[\w-]+|cookie:[\w-]+)$/,
  "client, path, header:NAME or cookie:NAME",
).describe("What requests that belong together have in common (default: client)").exactOptional();

/** The policies by name; those that have settings have defaults for all. */
const POLICIES = [
  "roundRobin",
  "leastRequests",
  "peakEwma",
  "ringHash",
  "maglev",
  "weightedRandom",
  "firstAvailable",
] as const;

const policy = z.union([
  oneOf(...POLICIES),
  section({
    leastRequests: key(
      section({
        choices: key(
          z.union([z.literal(2), z.literal("all")], { error: '2 or "all"' }),
          "Looked at for each request: 2 drawn by chance, or all (default: 2)",
        ),
      }),
      "The one with the fewest requests under way",
    ),
    peakEwma: key(
      section({ decay: key(duration(1), "How fast an answer's weight falls to 37 % (default: 10s)") }),
      "The one that answers soonest",
    ),
    ringHash: key(
      section({
        key: hashKey,
        pointsPerWeight: key(whole(1, 10_000), "Points on the ring for a weight of 1 (default: 160)"),
        loadFactor: key(number(1), "The most load of a member, against the average (default: no limit)"),
      }),
      "A ring of hashes, as nginx has it",
    ),
    maglev: key(
      section({
        key: hashKey,
        tableSize: key(whole(3), "Slots of the table, a prime number (default: 65537)"),
      }),
      "A table of hashes that spreads evenly",
    ),
  }),
]).describe("How a member is chosen: a name, or a mapping of one name to its settings");

const httpCheck = section({
  method: key(matching(/^[A-Z]+$/, "a method in capitals"), "The method (default: GET)"),
  path: key(matching(/^\/[\x21-\x7e]*$/, 'a path that begins with "/"'), "The path (default: /)"),
  host: key(text("the name of a host"), "The Host (default: the TLS server name, or the address)"),
  expect: key(statuses, "Statuses that pass (default: 200-399)"),
  body: key(text(), "What the first 64 KB of the body must contain"),
  tls: key(
    z.union([z.literal(false), tls]),
    "How TLS is spoken; false is plain text (default: as with members)",
  ),
  port: key(whole(1, 65_535), "Checked rather than the member's own port"),
});

const check = section({
  http: key(httpCheck, "A request that has to be answered as expected"),
  tcp: key(section({}), "A TCP connection that has to stand (the default): {}"),
  interval: key(duration(1), "From one check of a member to its next (default: 5s)"),
  downInterval: key(duration(1), "The same for a member that is down (default: the interval)"),
  jitter: key(number(0, 1), "Pauses are longer or shorter by up to this share (default: 0.1)"),
  timeout: key(duration(1), "A check that takes longer is a failure (default: 2s for http, 1s for tcp)"),
  fall: key(whole(1), "Failures in a row that take a healthy member out (default: 1)"),
  rise: key(whole(1), "Successes in a row that bring it back (default: 1)"),
  concurrency: key(whole(1), "The most checks under way at a time (default: 32)"),
});

const dns = section({
  name: matching(/^[0-9A-Za-z_.-]+$/, "a host name").describe(
    "Of hosts when there is a port, otherwise of a service, such as _http._tcp.example.com",
  ),
  port: key(whole(1, 65_535), "The port of all hosts of that name; without it, SRV records are asked for"),
  family: key(
    z.union([z.literal(4), z.literal(6), z.literal("both")], { error: '4, 6 or "both"' }),
    "Which addresses are asked for (default: both)",
  ),
  nameServer: key(address, "The server to ask (default: the system's)"),
  interval: key(duration(1), "When to ask again where no TTL is known (default: 30s)"),
  minTtl: key(duration(1), "Shorter TTLs count as this (default: 5s)"),
  maxTtl: key(duration(1), "Longer TTLs count as this (default: 5m)"),
  jitter: key(number(0, 1), "Each pause is longer by up to this share (default: 0.1)"),
  timeout: key(duration(1), "The longest that an answer may take (default: 5s)"),
});

const discovery = section({
  dns: key(dns, "By the DNS"),
  file: key(
    section({
      path: file().describe("A file in YAML or JSON that lists members, read again when it changes"),
      debounce: key(duration(), "It is read so long after a change (default: 100ms)"),
      interval: key(duration(1), "It is read that often in any case (default: 30s)"),
    }),
    "By a file that is watched",
  ),
});

/** One of `groups`. */
export const groupSchema = section({
  members: key(
    list(z.union([address, member])),
    "The upstreams: addresses, or mappings. Beside discovery, what there is until it has found some",
  ),
  discovery: key(discovery, "Where members are found"),
  policy: key(policy, "How a member is chosen (default: roundRobin)"),
  check: key(
    z.union([z.literal(false), check]),
    "How members are checked: false for not at all (default: a TCP connection every 5s)",
  ),
  ...peer,
  outlier: key(
    outlier,
    "Passive checks: members that fail requests are left out for a while (default: none)",
  ),
  breaker: key(breaker, "Circuit breakers (default: none)"),
  slowStart: key(duration(), "A member that recovers gets its whole share only after so long (default: 0)"),
  queue: key(
    section({
      size: key(whole(), "The most requests that wait (default: 100)"),
      timeout: key(duration(), "How long they wait (default: 1s)"),
    }),
    "Requests that wait for a member that is full or not yet checked",
  ),
  retryBudget: key(
    section({
      share: key(number(), "Retries for every request, over time (default: 0.2)"),
      perSecond: key(number(), "Retries a second that are allowed beside that (default: 10)"),
    }),
    "What retries may add to the load",
  ),
  zone: key(text("the name of a zone"), "Where the proxy stands: members of this zone come first"),
  panic: key(number(0, 1), "With no more than this share healthy, health is not heeded (default: 0, never)"),
  trustNew: key(flag(), "Whether a new member gets requests before its first check (default: false)"),
  sticky: key(sticky, "A cookie that keeps a client at its member"),
});
