/**
 * Field names with underscores.
 *
 * @module
 */
import { isHopByHop } from "../http/hop_by_hop.ts";
import { isClaim } from "./claims.ts";

/**
 * Whether a lower-case name, with underscores for hyphens, is one that the proxy answers for: a CGI or WSGI origin would
 * take it for the real one. nginx drops every name with an underscore.
 */
export function isDisguised(name: string): boolean {
  if (!name.includes("_")) return false;
  const real = name.replaceAll("_", "-");
  return isHopByHop(real) || isClaim(real) || real === "content-length" || real === "trailer" ||
    real === "x-request-id";
}
