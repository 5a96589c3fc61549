/**
 * The part of `@std/yaml` that this project uses, backed by `js-yaml`, which the original is a port of.
 *
 * @module
 */
import { dump, load } from "js-yaml";

/**
 * Parses one YAML document.
 *
 * @throws when the text is not YAML; the message names line and column.
 */
export function parse(content: string): unknown {
  return load(content);
}

/** Settings of {@linkcode stringify}. */
export interface StringifyOptions {
  /** Whether what YAML has no form for is left out rather than an error. @default {false} */
  skipInvalid?: boolean;
  /** Where long texts are broken. @default {80} */
  lineWidth?: number;
  /** Whether what is there twice is written once. @default {true} */
  useAnchors?: boolean;
}

/**
 * Writes a value as YAML.
 *
 * @throws when it holds what YAML has no form for
 */
export function stringify(
  data: unknown,
  { skipInvalid = false, lineWidth = 80, useAnchors = true }: StringifyOptions = {},
): string {
  return dump(data, { skipInvalid, lineWidth, noRefs: !useAnchors });
}
