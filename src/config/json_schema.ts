/**
 * The schema for editors.
 *
 * @module
 */
import * as z from "zod";
import { configSchema } from "./schema.ts";

/** The JSON Schema of the configuration file, as text. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(configSchema, { io: "input" });
  const { $schema, ...rest } = schema;
  const whole = {
    $schema,
    title: "Postern",
    description: "The configuration of Postern, a reverse proxy and load balancer",
    ...rest,
  };
  return `${JSON.stringify(whole, null, 1)}\n`;
}
