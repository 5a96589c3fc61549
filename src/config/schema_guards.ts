/**
 * The schema of what guards the members of a group, and of sticky sessions.
 *
 * @module
 */
import * as z from "zod";
import { statusSet } from "../http/status_set.ts";
import {
  duration,
  file,
  flag,
  key,
  matching,
  number,
  oneOf,
  oneOrMore,
  readable,
  section,
  whole,
} from "./schema_values.ts";

/** A set of statuses. */
export const statuses = readable(statusSet, 'a list such as "200", "200-399" or "200,500-599"');

/** `outlier` of a group. */
export const outlier = section({
  connectFailures: key(whole(), "So many failures to connect in a row; 0 does not count them (default: 3)"),
  errors: key(whole(), "So many errors of any kind in a row; 0 does not count them (default: 5)"),
  errorStatuses: key(statuses, "The statuses that are errors (default: 500-599)"),
  slowAfter: key(duration(), "An answer whose head takes longer is slow; 0 minds none (default: 0)"),
  slowAnswers: key(whole(1), "So many slow answers in a row (default: 5)"),
  ejectFor: key(duration(1), "How long a member is out the first time; doubles each time (default: 10s)"),
  maxEjectFor: key(duration(1), "The longest that it is out (default: 5m)"),
  maxShare: key(number(0, 1), "The most of the group that may be out (default: 0.5)"),
});

/** `breaker` of a group. */
export const breaker = section({
  failures: key(whole(), "So many failures in a row open it; 0 does not count them (default: 5)"),
  errorShare: key(number(), "This share of failures in the window opens it; 1 does not (default: 1)"),
  window: key(duration(1), "The window for the share (default: 10s)"),
  minRequests: key(whole(1), "With fewer requests in the window, the share says nothing (default: 20)"),
  openFor: key(duration(1), "How long it is open before probes are let through (default: 10s)"),
  probes: key(whole(1), "So many probes at a time, and successes that close it (default: 1)"),
});

const secret = z.string({ error: "a text" }).min(16, { error: "16 characters or more" });

/** `sticky` of a group. */
export const sticky = section({
  secret: key(oneOrMore(secret), "What cookies are signed with; the first signs, all are accepted"),
  secretFile: key(file(), "A file with a secret in each line, instead of secret"),
  cookie: key(
    matching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "the name of a cookie"),
    "The name of the cookie (default: postern)",
  ),
  maxAge: key(duration(1_000), "How long the client keeps it (default: until the browser is closed)"),
  path: key(matching(/^\/[\x20-\x3a\x3c-\x7e]*$/, "a path"), "For which paths it is sent (default: /)"),
  secure: key(flag(), "Whether it is sent by https alone (default: false)"),
  sameSite: key(
    oneOf("Strict", "Lax", "None"),
    "Whether requests from other sites bring it; None needs secure (default: Lax)",
  ),
});
