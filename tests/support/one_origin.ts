/**
 * A program: what answers as `one.one.one.one` on port 443 of the address given, for the samples in their namespace.
 *
 * The answer tells the address and, as JSON, the headers received; it has headers that a filter may edit.
 *
 * @module
 */
import { ONE } from "./certs.ts";

const [hostname] = Deno.args as [string];

Deno.serve({
  hostname,
  port: 443,
  ...ONE,
  onListen: () => Deno.stdout.writeSync(new TextEncoder().encode("ready\n")),
}, (request) =>
  Response.json({ address: hostname, headers: Object.fromEntries(request.headers) }, {
    headers: { server: "origin", "alt-svc": 'h3=":443"' },
  }));
