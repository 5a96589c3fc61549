/**
 * The command line of Postern; `main.ts --help` tells more.
 *
 * @module
 */
import { cli } from "./src/cli/cli.ts";
import * as canary from "./samples/canary.ts";
import * as failover from "./samples/failover.ts";
import * as header_filter from "./samples/header_filter.ts";
import * as load_balancer from "./samples/load_balancer.ts";
import * as sandboxed_auth from "./samples/sandboxed_auth.ts";
import * as simple_proxy from "./samples/simple_proxy.ts";
import * as sticky_sessions from "./samples/sticky_sessions.ts";

const SAMPLES = {
  simple_proxy,
  load_balancer,
  header_filter,
  sandboxed_auth,
  sticky_sessions,
  canary,
  failover,
};

if (import.meta.main) {
  Deno.exit(await cli(Deno.args, SAMPLES));
}
