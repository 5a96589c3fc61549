/**
 * The part of `@std/assert` that the tests use, backed by `node:assert`.
 *
 * @module
 */
import nodeAssert from "node:assert/strict";

/** Thrown by every assertion that does not hold. */
export const AssertionError: typeof nodeAssert.AssertionError = nodeAssert.AssertionError;

// deno-lint-ignore no-explicit-any
type AnyConstructor = new (...args: any[]) => any;

function prefix(msg?: string): string {
  return msg ? `${msg}: ` : "";
}

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError({ message: msg || "Expected a truthy value" });
}

/** Fails unless both values are deeply and strictly equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  try {
    nodeAssert.deepStrictEqual(actual, expected);
  } catch (error) {
    throw new AssertionError({ message: `${prefix(msg)}${(error as Error).message}` });
  }
}

/** Fails when both values are deeply and strictly equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, msg);
}

/** Fails on `null` and `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    throw new AssertionError({ message: `${prefix(msg)}Expected a value, found ${actual}` });
  }
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) {
    throw new AssertionError({ message: `${prefix(msg)}Expected "${actual}" to contain "${expected}"` });
  }
}

/** Fails unless `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  nodeAssert.match(actual, expected, msg);
}

/** Fails unless `actual` is an instance of `type`. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  type: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  if (!(actual instanceof type)) {
    throw new AssertionError({
      message: `${prefix(msg)}Expected an instance of ${type.name}, found ${actual}`,
    });
  }
}

/** Fails unless `actual` is greater than `expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) {
    throw new AssertionError({ message: `${prefix(msg)}Expected ${actual} > ${expected}` });
  }
}

/** Fails unless `actual` is less than `expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) {
    throw new AssertionError({ message: `${prefix(msg)}Expected ${actual} < ${expected}` });
  }
}

function checkError(error: unknown, type?: AnyConstructor, includes?: string): Error {
  if (!(error instanceof Error)) throw new AssertionError({ message: `A non-Error was thrown: ${error}` });
  if (type) assertInstanceOf(error, type);
  if (includes) assertStringIncludes(error.message, includes);
  return error;
}

/** Fails unless `fn` throws; gives back the error. */
export function assertThrows(fn: () => unknown, type?: AnyConstructor, includes?: string): Error {
  try {
    fn();
  } catch (error) {
    return checkError(error, type, includes);
  }
  throw new AssertionError({ message: "Expected function to throw" });
}

/** Fails unless the promise of `fn` rejects; gives back the error. */
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  type?: AnyConstructor,
  includes?: string,
): Promise<Error> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, type, includes);
  }
  throw new AssertionError({ message: "Expected function to reject" });
}
