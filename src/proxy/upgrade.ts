/**
 * Connections that switch protocols: from the head of a 101 on, bytes go through as they are.
 *
 * @module
 */
import type { FrontResponse, Tunnel } from "../downstream/front.ts";
import { ProxyError } from "../http/errors.ts";
import { isHopByHop, switchable, tokens } from "../http/hop_by_hop.ts";
import type { Connection } from "../upstream/connection.ts";
import type { ResponseHead as UpstreamHead } from "../upstream/response_head.ts";
import type { Attempt } from "./attempt.ts";
import type { ResponseHead } from "./hooks.ts";
import type { RequestState } from "./request_state.ts";
import { webSocketProblem } from "./websocket_check.ts";

/**
 * The protocol that the upstream switches to.
 *
 * @throws {ProxyError} `bad_response` when it is not one that the client asked for, or not as it did
 */
export function switchedTo(run: RequestState, attempt: Attempt, head: UpstreamHead): string {
  const asked = tokens(run.front.upgrade ?? "");
  if (head.upgrade !== null && asked.includes(head.upgrade.toLowerCase())) {
    const problem = run.front.bridgesWebSockets
      ? webSocketProblem(attempt.request!.headers, head.headers)
      : undefined;
    if (problem === undefined) return head.upgrade;
    throw new ProxyError("bad_response", `${run.upstream} accepts a WebSocket, but ${problem}`);
  }
  throw new ProxyError(
    "bad_response",
    `${run.upstream} switches to ${JSON.stringify(head.upgrade)}, the client asked for ${
      JSON.stringify(run.front.upgrade)
    }`,
  );
}

/** A 426 has to say what it wants to switch to, RFC 9110 section 15.5.22; the client can ask for it through the proxy. */
export function keepAdvice({ headers, upgrade }: UpstreamHead): void {
  const advice = upgrade === null ? null : switchable(upgrade);
  if (advice !== null) headers.lines.push("upgrade", advice);
}

/** The 101 for the client, behind which its connection and the upstream's are one. */
export function switched(
  run: RequestState,
  { status, headers }: ResponseHead,
  reason: string,
  protocol: string,
  connection: Connection,
): FrontResponse {
  run.status = status;
  run.deadline = Infinity;
  headers.removeIf(isHopByHop);
  headers.lines.push("connection", "upgrade", "upgrade", protocol);
  // It may be silent for days, and end without a word.
  connection.keepAlive();
  const tunnel = run.stream = new UpstreamEnd(run, connection);
  return { status, reason, headers, body: null, onSent: undefined, tunnel };
}

const NONE = new Uint8Array(0);

/** The upstream's end. */
class UpstreamEnd implements Tunnel {
  readonly #run: RequestState;
  readonly #connection: Connection;
  #aborted: ProxyError | null = null;

  constructor(run: RequestState, connection: Connection) {
    this.#run = run;
    this.#connection = connection;
  }

  readInto(into: Uint8Array): Promise<number | null> {
    const { buffer, start, end } = this.#connection;
    if (start === end) {
      // It was for heads, and the tunnel may last for days.
      this.#connection.buffer = NONE;
      return this.#connection.readInto(into);
    }
    const n = Math.min(into.length, end - start);
    into.set(buffer.subarray(start, start + n));
    this.#connection.start += n;
    return Promise.resolve(n);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#connection.write(bytes.subarray(written));
    }
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  passed(up: number, down: number): void {
    this.#run.bytesReceived += up;
    this.#run.bytesSent += down;
  }

  end(error: ProxyError | null): void {
    this.#connection.close();
    this.#run.end(this.#aborted ?? error);
  }

  /** Breaks it off: whoever reads or writes fails, and ends it. */
  abort(error: ProxyError): void {
    this.#aborted = error;
    this.#connection.close();
  }
}
