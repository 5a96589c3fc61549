/**
 * What the requests of a proxy add up to, by listener, route, method and status.
 *
 * @module
 */
import type { AccessEntry } from "./access_log.ts";
import { Histogram, Quantiles } from "./histogram.ts";
import { Timeline } from "./timeline.ts";

/** The methods that are told apart; others, which clients may make up, count as one. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];
/** What methods beyond the usual are counted as. */
const OTHER = "_OTHER";

/** How many failures are remembered. */
const FAILURES = 50;

/** Requests of one listener, method and status. */
export interface Series {
  /** The name of the listener. */
  readonly listener: string;
  /** The method, or `_OTHER`. */
  readonly method: string;
  /** The status. */
  readonly status: number;
  /** How many. */
  count: number;
}

/** What is counted for a route. */
export class RouteMetrics {
  /** Requests that ended, by listener, method and status. */
  readonly series: Map<string, Series> = new Map();
  /** From a request's arrival to its last byte. */
  readonly durations: Histogram = new Histogram();
  /** The same, for quantiles. */
  readonly times: Quantiles = new Quantiles();
  /** Opening connections to upstreams. */
  readonly connects: Histogram = new Histogram();
  /** Attempts after the first. */
  retries = 0;
  /** Bytes of requests' bodies. */
  bytesReceived = 0;
  /** Bytes of responses' bodies. */
  bytesSent = 0;
  /** Requests whose client left before the answer was complete. */
  clientAborts = 0;

  /** Requests that ended. */
  get requests(): number {
    return this.times.count;
  }

  /** Requests that ended with a status of 500 or more. */
  get errors(): number {
    let errors = 0;
    for (const { status, count } of this.series.values()) if (status >= 500) errors += count;
    return errors;
  }

  /** Counts a request. */
  add(entry: AccessEntry): void {
    const { listener, method, status, totalMs, connectMs, attempts } = entry;
    const known = METHODS.includes(method) ? method : OTHER;
    const key = `${known} ${status} ${listener}`;
    const series = this.series.get(key);
    if (series === undefined) this.series.set(key, { listener, method: known, status, count: 1 });
    else series.count++;
    this.durations.add(totalMs);
    this.times.add(totalMs);
    if (connectMs > 0) this.connects.add(connectMs);
    if (attempts > 1) this.retries += attempts - 1;
    this.bytesReceived += entry.bytesReceived;
    this.bytesSent += entry.bytesSent;
    if (status === 499) this.clientAborts++;
  }
}

/** Counts requests by route. */
export class Metrics {
  /** By the name of the route. */
  readonly routes: Map<string, RouteMetrics> = new Map();
  /** All requests over the last 15 minutes. */
  readonly timeline: Timeline = new Timeline();
  /** The last requests that ended with a status of 500 or more, the newest last. */
  readonly failures: AccessEntry[] = [];

  /** Counts a request that is over. */
  add(entry: AccessEntry): void {
    let route = this.routes.get(entry.route);
    if (route === undefined) this.routes.set(entry.route, route = new RouteMetrics());
    route.add(entry);
    const isError = entry.status >= 500;
    this.timeline.add(isError, entry.totalMs);
    if (!isError) return;
    this.failures.push(entry);
    if (this.failures.length > FAILURES) this.failures.shift();
  }

  /** Forgets the routes that are no more. */
  keep(routes: ReadonlySet<string>): void {
    for (const name of this.routes.keys()) if (!routes.has(name)) this.routes.delete(name);
  }
}
