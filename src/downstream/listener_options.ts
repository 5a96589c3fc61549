/**
 * How a proxy listens.
 *
 * @module
 */

/** A certificate and its key. */
export interface ListenerTls {
  /** A PEM file: the certificate, then those that it was issued by. */
  cert: string;
  /** A PEM file: the key, not encrypted. */
  key: string;
}

/** What a browser is told of a site that is to be reached by TLS alone, RFC 6797. */
export interface Hsts {
  /** How long it remembers, in seconds; 0 has it forget. */
  maxAge: number;
  /** Also for all names below. @default {false} */
  includeSubDomains?: boolean;
  /** That browsers may be built with it: lists of them ask for this. @default {false} */
  preload?: boolean;
}

/**
 * Settings of a listener. The limits and `proxyProtocol` are for the front `tcp`, but where it says otherwise: `Deno.serve` has no
 * such things.
 * Times are in milliseconds. A time of 0 is for ever; a number of connections or requests of 0 is no limit.
 */
export interface ListenerOptions {
  /**
   * Let other processes listen there too, among which the system spreads connections; one of them can take over from another.
   * On Linux, connections that wait at a listener which closes are lost, unless `net.ipv4.tcp_migrate_req` is 1. macOS does
   * not spread connections. @default {false}
   */
  reusePort?: boolean;
  /** `serve` is `Deno.serve`; `tcp` is Postern's own server on `Deno.listen`. @default {"serve"} */
  front?: "serve" | "tcp";
  /**
   * Speak TLS with these files, which are read again on `SIGHUP`. Of several pairs, a client gets the one whose
   * certificate has the name that it asks for, or else the first. The front `serve` speaks HTTP/2 and HTTP/1.1 by ALPN;
   * without `relayPorts`, it has one pair to its end, and holds clients that never shake hands for ever, also when the
   * proxy drains.
   */
  tls?: ListenerTls | readonly ListenerTls[];
  /**
   * Ports of 127.0.0.1, with which the front `serve` can have several certificates and change them: one for each, and
   * as many again for a change while connections with those before go on. 0 is any free port, and takes the permission
   * for all ports of 127.0.0.1. A connection then goes by way of such a port: some 20 us for a small request by
   * HTTP/1.1, less for each of many by HTTP/2, and two more descriptors.
   */
  relayPorts?: readonly number[];
  /** Send `Strict-Transport-Security` with every answer by TLS that has none of the upstream's. */
  hsts?: Hsts;
  /** Where plain HTTP is listened to as well, to be answered with a 308 to the same by `https:`. */
  redirectHttp?: string;
  /** The port that those who are redirected find TLS on. @default {the port listened on; 443 for a Unix socket} */
  redirectPort?: number;
  /**
   * Addresses and CIDR ranges whose connections have to begin with a PROXY protocol header, version 1 or 2, which says
   * where the client really is; it comes ahead of TLS. From any other address, such a header is a malformed request.
   * @default {[]}
   */
  proxyProtocol?: string[];
  /**
   * From the first byte of a request's head to its last; beyond, 408. Also for what comes before the first request, a
   * PROXY header and a TLS handshake, and for the rest of a body behind an early answer. @default {10_000}
   */
  headTimeout?: number;
  /** Before the first request of a connection, and between two. @default {75_000} as nginx */
  idleTimeout?: number;
  /**
   * The client takes no byte of what it is sent. The system holds some megabytes for it, and lets more in only when a
   * third of them are gone: a slow reader needs time. The module's `clientWriteTimeout` holds as well. @default {300_000}
   */
  writeTimeout?: number;
  /**
   * No byte goes either way behind a 101; on the front `tcp`, `writeTimeout` and `minRate` hold there too. Also for the front
   * `serve`, where no message has to go. @default {3_600_000}
   */
  tunnelTimeout?: number;
  /**
   * The largest WebSocket message of an upstream, in bytes, and how much of a client's messages is held for an upstream that
   * does not take them, though 1 MiB in any case; for the front `serve` only. The runtime takes no message over 64 MB from clients. @default {16_777_216}
   */
  maxMessage?: number;
  /**
   * Bytes a second that a client has to send of a body, and to take of an answer, on average over the time that it was
   * waited for, from 5 s on. @default {240} as Kestrel
   */
  minRate?: number;
  /**
   * Connections at a time; beyond, the one that has been idle, or in the middle of a head, for longest is closed, or else
   * new ones wait. @default {16_384}
   */
  maxConnections?: number;
  /** Connections at a time from one address; more are closed at once. @default {0} */
  maxConnectionsPerAddress?: number;
  /** Requests on a connection. @default {10_000} */
  maxRequests?: number;
  /**
   * Whether HTTP/2 is spoken: on TLS with clients that choose it by ALPN, in clear text with those that begin with it.
   * @default {true}
   */
  http2?: boolean;
  /** Requests at a time on a connection by HTTP/2; beyond, they are refused, which clients may repeat. @default {128} */
  maxStreams?: number;
  /** The longest request line, in bytes; beyond, 414. @default {16_384} */
  maxRequestLine?: number;
  /** The largest head, in bytes; beyond, 431. @default {65_536} */
  maxHead?: number;
  /** The most header fields; beyond, 431. @default {200} */
  maxFields?: number;
  /**
   * Bytes of an upload that are read and thrown away behind an answer that ends the connection, so that the client gets to
   * read it. @default {10_485_760}
   */
  maxDiscard?: number;
}

/** The pairs of files that a listener speaks TLS with. */
export function tlsPairs({ tls = [] }: ListenerOptions): readonly ListenerTls[] {
  return isList(tls) ? tls : [tls];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
