/**
 * Bringing a configuration file to one form, comments included.
 *
 * @module
 */
import process from "node:process";
import { YamlTree } from "./yaml_tree.ts";
import { ConfigError } from "./problem.ts";

/**
 * The text with an indentation of two, one space around what is within brackets, and no blank lines at its ends.
 * Comments stay, and what it says stays the same.
 *
 * @throws {ConfigError} when it is not YAML
 */
export async function formatConfig(file: string, text: string): Promise<string> {
  const { problems, value } = new YamlTree(text);
  if (problems.length > 0) throw new ConfigError(file, problems);
  // The library looks for variables that make it talkative, which this process may not read.
  process.env = {};
  const { parseDocument } = await import("yaml");
  const formatted = parseDocument(text).toString({ lineWidth: 110 });
  if (JSON.stringify(new YamlTree(formatted).value) !== JSON.stringify(value)) {
    throw new Error(`Cannot format ${file}: it would not say the same afterwards`);
  }
  return formatted;
}
