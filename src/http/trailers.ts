/**
 * Trailer fields, RFC 9110 section 6.5.
 *
 * @module
 */
import { HeaderList } from "./headers.ts";
import { isHopByHop } from "./hop_by_hop.ts";

/**
 * What steers how a message is framed, routed, authenticated or read has to be known before its content: RFC 9110
 * section 6.5.1 bars it, and a recipient that merges trailers into its headers would believe it.
 */
const BARRED = new Set([
  ..."age authorization cache-control content-encoding content-length content-range content-type cookie"
    .split(" "),
  ..."date expect expires location retry-after vary".split(" "),
  ..."forwarded host max-forwards pragma range set-cookie trailer via www-authenticate x-request-id".split(
    " ",
  ),
]);

/** The trailer fields that may be passed on, or undefined when there are none. */
export function passedOn(trailers: HeaderList | undefined): HeaderList | undefined {
  if (trailers === undefined) return undefined;
  const kept = new HeaderList();
  const { lines } = trailers;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase().replaceAll("_", "-");
    if (BARRED.has(name) || isHopByHop(name) || name.startsWith("if-") || name.startsWith("x-forwarded-")) {
      continue;
    }
    kept.lines.push(lines[i]!, lines[i + 1]!);
  }
  return kept.lines.length > 0 ? kept : undefined;
}
