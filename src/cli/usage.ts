/**
 * What the command line says of itself.
 *
 * @module
 */

/** A command line that cannot be carried out; exit code 2. */
export class UsageError extends Error {
  /** The message is all that is printed, with a hint at `--help`. */
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** The text of `--help`. */
export const HELP = `postern: a programmable, permission-sandboxed reverse proxy

usage: main.ts VERB [OPTIONS]

verbs
  run MODULE           run a sample or a module on disk
    --listen H:P         listen here instead of the module's own address
    --front FRONT        what listens: serve (Deno.serve) or tcp (Postern's own server, with
                         limits for the open internet) (default: serve, or the module's own)
    --upstream URL       use this upstream instead of the module's own: http://H:P (plain),
                         https://H:P (TLS, with the server name and CAs that all of the module's
                         own upstreams have in common) or unix:/path; may be given several times
    --log-level LEVEL    debug, info, warn or error (default: info)
    --access-log FORMAT  common, json or off (default: common), to standard output
    --strict             refuse to start when more is granted than is needed
    --audit              print at the end which addresses were declared, and which were reached
    --sandbox            run the hooks in a worker that can reach the module's net and nothing else;
                         SIGHUP loads the module anew
    --workers N          workers for the module (default: 1)
    --fail MODE          what a hook's failure means: closed answers 503, open goes on without the
                         hook (default: closed)
    --hook-timeout MS    time for a hook (default: 1000)
    --hook-memory MB     memory for a worker; one that grows beyond is replaced (default: 128)
  check MODULE         load a module, check its exports and print its phases
  permissions MODULE   print the flags that it needs to run
    --format FORMAT      flags, deno (a permission set for deno.json) or json (default: flags)
    --explain            a table of what is granted, and why, and of what is refused
  proxy                a proxy without module or file
    --from H:P           listen here
    --to H:P[,H:P]       send requests there, in turn
  demo                 two origins and a load balancer on this machine, no network needed

verbs about a configuration file; -c, --config FILE names it (default: postern.yaml)
  run -c FILE          run it; SIGHUP loads it again, SIGUSR1 opens the file of the access log anew
    --watch              load it again when it or a hook module changes
    --workers N          in so many processes, which share its listeners (Linux)
  reload -c FILE       have the proxy that runs by it load it again, by its admin listener
  check -c FILE        everything that is wrong with it, each with its line and column
    --granted            hold it against this process's permissions too
  explain METHOD URL   which route gets a request and why, and what becomes of it
    --header, -H FIELD   a field of the request, NAME: VALUE; may be given several times
  print                the effective configuration, with every default
  permissions -c FILE  print the flags that it needs to run; takes --format and --explain
  fmt                  print it formatted, comments included
    --write              write it to the file instead
    --diff               exit with 1 if it is not formatted, and write nothing
  schema               print the JSON Schema, for editors

MODULE is simple_proxy, load_balancer, header_filter, sandboxed_auth, sticky_sessions, canary, failover,
or a path such as ./my_proxy.ts; check and permissions also take --listen, --upstream and --sandbox

options
  --help, -h           print this text
  --version, -V        print the version

examples
  deno task simple
  deno run --allow-net=127.0.0.1:8080,127.0.0.1:9000 main.ts run simple_proxy \\
      --listen 127.0.0.1:8080 --upstream http://127.0.0.1:9000
  deno run main.ts permissions load_balancer
  deno run --allow-read=. main.ts check ./my_proxy.ts
  deno run --allow-read=. main.ts explain -c postern.yaml GET http://example.com/api/users

exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration
`;
