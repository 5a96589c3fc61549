/**
 * Sets of HTTP statuses as users write them: `200-399`, `200,204,5xx`.
 *
 * @module
 */

/**
 * Reads a list of statuses and ranges of them.
 *
 * @throws {RangeError} that names the text and the form allowed
 */
export function statusSet(text: string): (status: number) => boolean {
  const ranges = text.split(",").map((part) => {
    const all = part.replace(/^\s*([1-5])xx\s*$/, "$100-$199");
    const match = /^\s*([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?\s*$/.exec(all);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? from);
    if (match === null || from > to) {
      throw new RangeError(
        `Cannot use statuses ${JSON.stringify(text)}: expected a list such as "200", "200-399" or "200,5xx"`,
      );
    }
    return [from, to] as const;
  });
  return (status) => ranges.some(([from, to]) => status >= from && status <= to);
}
