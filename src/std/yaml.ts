/**
 * The part of `@std/yaml` that this project uses, backed by `js-yaml`, which the original is a port of.
 *
 * @module
 */
import { load } from "js-yaml";

/**
 * Parses one YAML document.
 *
 * @throws when the text is not YAML; the message names line and column.
 */
export function parse(content: string): unknown {
  return load(content);
}
