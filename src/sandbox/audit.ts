/**
 * Which addresses a run reached, held against those that its module declared.
 *
 * @module
 */
import { ADDRESS } from "../proxy/address_check.ts";
import { netScope } from "./net_scope.ts";

/** Addresses kept; a module that reaches more is not narrowed by a list of them. */
const MAX = 1_000;

/** Collects what was reached. */
export class Audit {
  readonly #used = new Set<string>();

  /** An address was reached, or tried: `host:port` or `unix:/path`. */
  used(address: string): void {
    if (this.#used.size < MAX && ADDRESS.holds(address)) this.#used.add(address);
  }

  /** Watches what the code of this process connects to, the proxy itself and hooks in it alike. */
  watchProcess(): void {
    const { connect, connectTls } = Deno;
    const original = globalThis.fetch;
    const note = (options: Deno.ConnectOptions | Deno.UnixConnectOptions) =>
      this.used(
        "path" in options
          ? `unix:${options.path}`
          : `${bracketed(options.hostname ?? "127.0.0.1")}:${options.port}`,
      );
    Deno.connect = ((options: Deno.ConnectOptions) => {
      note(options);
      return connect(options);
    }) as typeof connect;
    Deno.connectTls = ((options: Deno.ConnectTlsOptions) => {
      note(options);
      return connectTls(options);
    }) as typeof connectTls;
    globalThis.fetch = ((input, init) => {
      const { protocol, hostname, port } = new URL(input instanceof Request ? input.url : input);
      if (hostname !== "") this.used(`${hostname}:${port || (protocol === "https:" ? 443 : 80)}`);
      return original(input, init);
    }) as typeof original;
  }

  /** A line each for what was declared and used, declared and not used, and used without being declared. */
  report(declared: readonly string[]): string[] {
    const used = [...this.#used].sort();
    const isDeclared = netScope(declared);
    const idle = declared.filter((entry) => !used.some(netScope([entry])));
    const line = (what: string, addresses: readonly string[]) =>
      `audit: ${what}: ${addresses.length > 0 ? addresses.join(", ") : "none"}`;
    return [
      line("declared and used", used.filter(isDeclared)),
      line("declared but not used", idle),
      line("used but not declared", used.filter((address) => !isDeclared(address))),
    ];
  }
}

function bracketed(hostname: string): string {
  return hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
}
