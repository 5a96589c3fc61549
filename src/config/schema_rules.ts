/**
 * The schema of what a route does to its requests and answers; `defaults` has the same keys.
 *
 * @module
 */
import * as z from "zod";
import {
  duration,
  fieldName,
  fieldValue,
  file,
  flag,
  key,
  list,
  mapping,
  matching,
  oneOf,
  oneOrMore,
  range,
  rate,
  readable,
  section,
  size,
  text,
  whole,
} from "./schema_values.ts";

const httpUrl = matching(
  /^https?:\/\/[^\s/?#@]+(?:[/?][^\s#]*)?$/,
  "a URL such as http://127.0.0.1:9000/path",
);
/** A method. */
export const method: z.ZodString = matching(/^[A-Z][A-Z-]*$/, "a method in capitals");
const plainPath = matching(/^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/, 'a path that begins with "/"');

const edits = section({
  set: key(mapping(fieldName, fieldValue), "Fields that get this value, whatever they were"),
  add: key(mapping(fieldName, fieldValue), "Fields that are added to those of the same name"),
  remove: key(list(fieldName), "Fields that are taken out"),
});

const headers = section({
  request: key(edits, "What the upstream gets"),
  response: key(edits, "What the client gets"),
});

const rewrite = section({
  stripPrefix: key(plainPath, "Taken off the front of the path, at a slash or the end"),
  addPrefix: key(plainPath, "Put in front of the path"),
  path: key(plainPath, "The whole path, whatever it was"),
  replace: key(
    section({
      pattern: readable((source) => new RegExp(source), "a regular expression").describe(
        "A regular expression of JavaScript, matched on the path",
      ),
      with: z.string({ error: "a text" }).describe("What it becomes; $1 is the first group"),
    }),
    "Replaces the part of the path that matches",
  ),
});

const basicAuth = section({
  realm: key(
    matching(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/, "printable text without quotes"),
    "Shown by browsers",
  ),
  users: key(
    mapping(
      matching(/^[^:\s]+$/, "a name without colon"),
      matching(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/, "a bcrypt hash, as htpasswd -nB makes it"),
    ),
    "Names and the bcrypt hashes of their passwords",
  ),
  file: key(file(), "A file of NAME:HASH lines, as htpasswd -B writes it"),
});

const ALGORITHMS = [
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

const jwt = section({
  key: key(file(), "A file with the key: a public key as PEM, or a secret for HS256"),
  jwks: key(text("a URL or the path of a file"), "Where the set of keys is: a URL or a file"),
  issuer: key(oneOrMore(text()), "Who has to have issued it (iss)"),
  audience: key(oneOrMore(text()), "Whom it has to be for (aud)"),
  algorithms: key(
    list(oneOf(...ALGORITHMS)).min(1, { error: "one at least" }),
    "How it may be signed",
  ),
  header: key(fieldName, "The field that brings it (default: authorization, as Bearer)"),
  cookie: key(text("the name of a cookie"), "The cookie that brings it, instead of a header"),
  claims: key(
    mapping(
      text(),
      z.union([z.string(), z.number(), z.boolean()], { error: "a text, a number, true or false" }),
    ),
    "Claims that have to have these values, or hold them where they are lists",
  ),
  forward: key(mapping(text(), fieldName), "Claims that the upstream gets, each with its header field"),
});

const forwardAuth = section({
  url: httpUrl.describe("Asked about every request: 2xx lets it go on, anything else is the answer"),
  timeout: key(duration(1), "The longest that the answer may take (default: 5s)"),
  requestHeaders: key(
    list(fieldName),
    "Fields of the request that are sent along (default: authorization, cookie)",
  ),
  copyHeaders: key(list(fieldName), "Fields of the answer that the upstream gets"),
});

const origin = matching(/^(?:\*|https?:\/\/[^\s/]+|null)$/, '"*" or an origin such as https://example.com');

const cors = section({
  origins: oneOrMore(origin).describe('Who may ask: origins, "*" for all'),
  methods: key(list(method), "Methods that may be used (default: GET, HEAD, POST)"),
  headers: key(list(fieldName), "Header fields that may be sent"),
  exposeHeaders: key(list(fieldName), "Header fields that scripts may read"),
  credentials: key(flag(), "Whether cookies may be sent (default: false)"),
  maxAge: key(duration(), "How long a browser remembers the answer"),
});

const rateLimit = section({
  key: key(
    matching(
      /^(?:client|host|route|header:[\w-]+|cookie:[\w-]+)$/,
      "client, host, route, header:NAME or cookie:NAME",
    ),
    "Whose requests are counted together (default: client)",
  ),
  rate: rate().describe("How many, over time, such as 10/s or 100/m"),
  burst: key(whole(1), "How many at once (default: a second's worth, 1 at least)"),
  shared: key(flag(), "Whether all replicas count together; needs redis (default: false)"),
});

const compression = section({
  encodings: key(
    list(oneOf("zstd", "br", "gzip")).min(1, { error: "one at least" }),
    "In order of preference (default: zstd, br, gzip)",
  ),
  minSize: key(size(), "Smaller answers are left as they are (default: 1KB)"),
  types: key(
    list(matching(/^[\w.+-]+\/(?:\*|[\w.+-]+)$/, "a media type such as text/html or text/*")),
    "Media types (default: texts and the like)",
  ),
});

const sandbox = section({
  workers: key(whole(1, 64), "Workers for the module (default: 1)"),
  fail: key(
    oneOf("closed", "open"),
    "What a hook's failure means: closed answers 503, open goes on without it (default: closed)",
  ),
  timeout: key(duration(10), "Time for a hook (default: 1s)"),
  memory: key(
    size(32 * 1024 ** 2),
    "Memory for a worker; one that grows beyond is replaced (default: 128MB)",
  ),
});

const hook = section({
  module: file().describe("The module, from the folder of this file"),
  sandbox: key(
    z.union([flag(), sandbox]),
    "Whether its hooks run in workers that can reach its net and nothing else (default: true)",
  ),
});

/** A rule, or false where a route is not to have that of `defaults`. */
function rule<Schema extends z.ZodType>(schema: Schema, description: string) {
  return key(z.union([z.literal(false), schema]), `${description}; false where defaults say otherwise`);
}

/** The keys that routes and `defaults` have in common. */
export const ruleKeys = {
  rewrite: rule(rewrite, "Changes the path that the upstream gets"),
  headers: rule(
    headers,
    "Changes header fields; values may hold {client}, {host}, {path}, {query}, {method}, {scheme}, {id}, {header.NAME} and {jwt.CLAIM}",
  ),
  timeout: key(
    duration(),
    "From the request's arrival to the response's head, all attempts together; 0 is for ever (default: 10m)",
  ),
  retries: key(whole(0, 100), "Further attempts after a failed one, where that is safe (default: 1)"),
  maxBody: key(size(), "The largest request body; beyond, 413. 0 is no limit (default: 0)"),
  clientBodyTimeout: key(duration(), "Silence between two pieces of the request's body (default: 60s)"),
  clientWriteTimeout: key(duration(), "The client takes a piece of the response (default: 5m)"),
  allow: rule(list(range), "Clients that may ask; others get 403"),
  deny: rule(list(range), "Clients that get 403"),
  basicAuth: rule(basicAuth, "Asks for a name and a password"),
  jwt: rule(jwt, "Asks for a signed token"),
  forwardAuth: rule(forwardAuth, "Asks a service whether a request may go on"),
  cors: rule(cors, "Answers what browsers ask before they send a request to another site"),
  rateLimit: rule(rateLimit, "Requests beyond the rate get 429"),
  compression: key(z.union([flag(), compression]), "Compresses answers: true, or a mapping (default: false)"),
  hooks: rule(list(hook), "Modules whose hooks run, in this order"),
};

/** `defaults`. */
export const defaultsSchema = section(ruleKeys);
