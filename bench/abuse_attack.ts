/**
 * An attack, a program of its own. Arguments: CONTROL PORT NAME CLIENTS.
 *
 * Listens on CONTROL. `GET /begin` begins the attack, which goes on until the program ends.
 *
 * @module
 */
import { HTTP1_ATTACKS } from "../tests/support/http1_attacks.ts";
import { HTTP2_ATTACKS } from "../tests/support/http2_attacks.ts";

const [control, port, name, clients] = Deno.args;
const attack = [...HTTP1_ATTACKS, ...HTTP2_ATTACKS].find((one) => one.name === name)!;

Deno.serve({ hostname: "127.0.0.1", port: Number(control), onListen: () => {} }, () => {
  attack.run({ hostname: "127.0.0.1", port: Number(port) }, Number(clients), new AbortController().signal);
  return Response.json(null);
});
