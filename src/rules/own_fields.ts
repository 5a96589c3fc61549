/**
 * Fields that are the proxy's to set.
 *
 * @module
 */
import type { HeaderList } from "../http/headers.ts";

/**
 * Takes the fields of these names out of what a client sent, in every spelling that a CGI or WSGI origin would take for them:
 * in letters of any case, with hyphens or underscores.
 */
export function ownFields(names: readonly string[]): (headers: HeaderList) => void {
  const own = new Set(names.map(plain));
  return (headers) => {
    if (own.size > 0) headers.removeIf((name) => own.has(plain(name)));
  };
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
