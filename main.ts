/**
 * The command line of Postern; `main.ts --help` tells more.
 *
 * @module
 */
import { cli } from "./src/cli/cli.ts";
import * as header_filter from "./samples/header_filter.ts";
import * as load_balancer from "./samples/load_balancer.ts";
import * as sandboxed_auth from "./samples/sandboxed_auth.ts";
import * as simple_proxy from "./samples/simple_proxy.ts";

if (import.meta.main) {
  Deno.exit(await cli(Deno.args, { simple_proxy, load_balancer, header_filter, sandboxed_auth }));
}
