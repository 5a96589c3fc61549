/**
 * The schema of `routes`: which requests a route is for, and what becomes of them.
 *
 * @module
 */
import * as z from "zod";
import { routePath } from "../proxy/route_path.ts";
import { method, ruleKeys } from "./schema_rules.ts";
import {
  fieldName,
  fieldValue,
  key,
  mapping,
  matching,
  oneOrMore,
  readable,
  section,
  text,
  whole,
} from "./schema_values.ts";

const host = matching(
  /^(?:\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*|\[[0-9A-Fa-f:.]+\])$/,
  'a host such as "example.com" or "*.example.com", without port, in ASCII ("xn--...")',
);

const match = section({
  host: key(oneOrMore(host), "Names, such as example.com, or *.example.com for all below a name"),
  path: key(
    readable(routePath, '"/exact", "/prefix/*" or "/users/:id"'),
    "/exact, /prefix/* (itself and all below), or /users/:id where :id stands for one segment",
  ),
  method: key(oneOrMore(method), "Methods; GET is for HEAD too"),
  header: key(
    mapping(fieldName, fieldValue),
    'Fields that have to have these values, or any where it is "*"',
  ),
  listener: key(text("the name of a listener"), "The listener that it came by"),
});

/** One of `routes`. */
export const routeSchema = section({
  name: key(
    matching(/^[\w*:./ -]{1,200}$/, "a name of letters, digits, _, -, ., :, / and *"),
    "In logs and metrics (default: made from match)",
  ),
  match: key(match, "Which requests it is for (default: all)"),
  to: key(text("the name of a group"), "The group that its requests go to"),
  respond: key(
    section({
      status: key(whole(200, 599), "The status (default: 200)"),
      headers: key(mapping(fieldName, fieldValue), "Header fields"),
      body: key(z.string({ error: "a text" }), "The body (default: none)"),
    }),
    "Answers without an upstream",
  ),
  redirect: key(
    section({
      to: matching(/^(?:https?:\/\/|\/|\{scheme\}:\/\/)\S*$/, "a URL or a path").describe(
        "Where to: a URL or a path; may hold {host}, {path}, {query}, {scheme}",
      ),
      status: key(
        z.union([301, 302, 303, 307, 308].map((status) => z.literal(status)), {
          error: "301, 302, 303, 307 or 308",
        }),
        "The status (default: 308)",
      ),
    }),
    "Sends the client elsewhere",
  ),
  ...ruleKeys,
});
