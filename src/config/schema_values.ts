/**
 * The kinds of values that the schema of the configuration is made of. The message of each error is what is allowed.
 *
 * @module
 */
import * as z from "zod";
import { ADDRESS, ADDRESS_OR_RANGE } from "../proxy/address_check.ts";
import type { Rule } from "../proxy/fields.ts";
import { LONGEST_TIMEOUT } from "../upstream/peer.ts";
import { bytes, DURATION, milliseconds, perSecond, RATE, SIZE } from "./units.ts";

/** A mapping with these keys and no others. The message of an unknown key is the list of those that are known. */
export function section<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => issue.code === "unrecognized_keys" ? known : "a mapping",
  });
}

/** A key that may be left out, with what is said of it in the JSON Schema. */
export function key<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
): z.ZodExactOptional<Schema> {
  return schema.describe(description).exactOptional();
}

/** A text that is not empty. */
export function text(expected = "a text"): z.ZodString {
  return z.string({ error: expected }).min(1, { error: expected });
}

/** A text of that form. */
export function matching(pattern: RegExp, expected: string): z.ZodString {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

/** A text that a rule holds for. */
export function ruled({ expected, holds }: Rule): z.ZodString {
  return z.string({ error: expected }).refine(holds, { error: expected });
}

/** A text that a function can read; the message is what it says is wrong, ahead of that what is `found`. */
export function readable(read: (text: string) => unknown, expected: string): z.ZodString {
  return z.string({ error: expected }).check((context) => {
    try {
      read(context.value);
    } catch (error) {
      const [, why = expected] = /^Cannot use .*?: (.*)$/s.exec((error as Error).message) ?? [];
      const [, allowed] = /^(?:expected|allowed are) (.*)$/s.exec(why) ?? [];
      const isReason = allowed === undefined && why !== expected;
      context.issues.push({
        code: "custom",
        input: context.value,
        message: allowed ?? why,
        params: { isReason },
      });
    }
  });
}

/** True or false. */
export function flag(): z.ZodBoolean {
  return z.boolean({ error: "true or false" });
}

/** One of these words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): z.ZodEnum<{ [Word in Words[number]]: Word }> {
  return z.enum(words) as z.ZodEnum<{ [Word in Words[number]]: Word }>;
}

/** A whole number. */
export function whole(least = 0, most: number = Number.MAX_SAFE_INTEGER): z.ZodNumber {
  const expected = most === Number.MAX_SAFE_INTEGER
    ? `a whole number >= ${least}`
    : `a whole number from ${least} to ${most}`;
  return z.int({ error: expected }).min(least, { error: expected }).max(most, { error: expected });
}

/** A number within bounds. */
export function number(least = 0, most = Infinity): z.ZodNumber {
  const expected = most === Infinity ? `a number >= ${least}` : `a number from ${least} to ${most}`;
  const schema = z.number({ error: expected }).min(least, { error: expected });
  return most === Infinity ? schema : schema.max(most, { error: expected });
}

type Quantity = z.ZodPipe<
  z.ZodUnion<readonly [z.ZodNumber, z.ZodString]>,
  z.ZodTransform<number, string | number>
>;

/** A duration, in milliseconds. */
export function duration(least = 0): Quantity {
  const expected = `a duration such as 250ms, 10s, 5m or 1h${
    least > 0 ? ` of ${least} ms or more` : ""
  }, at most 24d, or a number of milliseconds`;
  return quantity(DURATION, milliseconds, expected, least, LONGEST_TIMEOUT);
}

/** A size, in bytes. */
export function size(least = 0, most: number = Number.MAX_SAFE_INTEGER): Quantity {
  const range = most < Number.MAX_SAFE_INTEGER
    ? `, from ${least} to ${most}`
    : least > 0
    ? `, ${least} or more`
    : "";
  const expected = `a size such as 64KB or 10MB, or a number of bytes${range}`;
  return quantity(SIZE, bytes, expected, least, most);
}

/** A rate, for a second. */
export function rate(): Quantity {
  return quantity(RATE, perSecond, "a rate such as 100/s or 10/m", Number.MIN_VALUE, 1e9);
}

function quantity(
  pattern: RegExp,
  read: (value: string | number) => number,
  expected: string,
  least: number,
  most: number,
): Quantity {
  const given = z.union([z.number({ error: expected }), matching(pattern, expected)], { error: expected });
  return given.transform((value, context) => {
    const amount = read(value);
    if (amount >= least && amount <= most) return amount;
    context.issues.push({ code: "custom", input: value, message: expected });
    return z.NEVER;
  });
}

/** Where to connect to or listen on. */
export const address: z.ZodString = ruled(ADDRESS);

/** An IP address or a range of them. */
export const range: z.ZodString = ruled(ADDRESS_OR_RANGE);

/** The path of a file, from the folder of the configuration. */
export function file(): z.ZodString {
  return text("the path of a file");
}

/** The name of a group, a listener or a route. */
export const name: z.ZodString = matching(
  /^[A-Za-z0-9_][\w.-]{0,99}$/,
  "a name of letters, digits, _, - and .",
);

/** The name of a header field; lower case from here on. */
export const fieldName: z.ZodPipe<z.ZodString, z.ZodTransform<string, string>> = matching(
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/,
  "the name of a header field",
).transform((name) => name.toLowerCase());

/** The value of a header field. */
export const fieldValue: z.ZodString = matching(
  /^[\t\x20-\x7e]*$/,
  "a text of printable ASCII characters, in quotes if it is a number",
);

/** A list of things, or one alone. */
export function oneOrMore<Schema extends z.ZodType>(
  item: Schema,
): z.ZodPipe<
  z.ZodUnion<readonly [z.ZodArray<Schema>, Schema]>,
  z.ZodTransform<z.output<Schema>[], z.output<Schema> | z.output<Schema>[]>
> {
  return z.union([list(item).min(1, { error: "one at least" }), item]).transform((given) =>
    (Array.isArray(given) ? given : [given]) as z.output<Schema>[]
  );
}

/** A list of things. */
export function list<Schema extends z.ZodType>(item: Schema): z.ZodArray<Schema> {
  return z.array(item, { error: "a list" });
}

/** A mapping of names to things. */
export function mapping<Key extends z.core.$ZodRecordKey, Value extends z.ZodType>(
  name: Key,
  value: Value,
): z.ZodRecord<Key, Value> {
  return z.record(name, value, { error: (issue) => issue.code === "invalid_type" ? "a mapping" : undefined });
}
