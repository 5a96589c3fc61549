/**
 * A program: answers on an address of this machine with its name, for the samples in their namespace.
 *
 * @module
 */
const [port, name] = Deno.args as [string, string];

Deno.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  onListen: () => Deno.stdout.writeSync(new TextEncoder().encode("ready\n")),
}, () => new Response(`${name}\n`));
