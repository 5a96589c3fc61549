/**
 * What can go wrong with a request, and what each failure means for the client and for the log.
 *
 * @module
 */

/** On whose side the failure lies. */
export type ErrorSource = "downstream" | "upstream" | "internal";

/** The name of a failure. */
export type ErrorType =
  | "bad_request"
  | "method_not_allowed"
  | "client_timeout"
  | "body_too_large"
  | "target_too_long"
  | "head_too_large"
  | "client_gone"
  | "no_route"
  | "hook_failed"
  | "hook_unavailable"
  | "internal"
  | "no_healthy_upstream"
  | "overloaded"
  | "shutting_down"
  | "connect_failed"
  | "connect_timeout"
  | "tls_failed"
  | "upstream_closed"
  | "bad_response"
  | "upstream_timeout"
  | "deadline";

/**
 * Every failure with the status the client gets and the flag of the access log.
 *
 * Flags are Envoy's response flags where Envoy has one: DPE downstream protocol error, DC downstream connection
 * closed, SI stream idle, UH no healthy upstream, UO overflow, UF connect failure, UC upstream closed, UPE upstream protocol error,
 * UT upstream timeout, DT deadline, NR no route, SD shutdown. IE (internal error) is Postern's own.
 * 499 is for the log alone: nobody is left to read it.
 */
const KINDS: Record<ErrorType, { source: ErrorSource; status: number; flag: string }> = {
  bad_request: { source: "downstream", status: 400, flag: "DPE" },
  method_not_allowed: { source: "downstream", status: 405, flag: "DPE" },
  client_timeout: { source: "downstream", status: 408, flag: "SI" },
  body_too_large: { source: "downstream", status: 413, flag: "DPE" },
  target_too_long: { source: "downstream", status: 414, flag: "DPE" },
  head_too_large: { source: "downstream", status: 431, flag: "DPE" },
  client_gone: { source: "downstream", status: 499, flag: "DC" },
  no_route: { source: "internal", status: 404, flag: "NR" },
  hook_failed: { source: "internal", status: 500, flag: "IE" },
  hook_unavailable: { source: "internal", status: 503, flag: "IE" },
  internal: { source: "internal", status: 500, flag: "IE" },
  no_healthy_upstream: { source: "upstream", status: 503, flag: "UH" },
  overloaded: { source: "upstream", status: 503, flag: "UO" },
  shutting_down: { source: "internal", status: 503, flag: "SD" },
  connect_failed: { source: "upstream", status: 502, flag: "UF" },
  connect_timeout: { source: "upstream", status: 504, flag: "UF" },
  tls_failed: { source: "upstream", status: 502, flag: "UF" },
  upstream_closed: { source: "upstream", status: 502, flag: "UC" },
  bad_response: { source: "upstream", status: 502, flag: "UPE" },
  upstream_timeout: { source: "upstream", status: 504, flag: "UT" },
  deadline: { source: "upstream", status: 504, flag: "DT" },
};

/** Whether a value is the name of a failure. */
export function isErrorType(value: unknown): value is ErrorType {
  return typeof value === "string" && Object.hasOwn(KINDS, value);
}

/** A failed request: what happened, on whose side, what the client is told. */
export class ProxyError extends Error {
  /** Which failure. */
  readonly type: ErrorType;
  /** On whose side. */
  readonly source: ErrorSource;
  /** The status the client gets; 499 is logged only. */
  readonly status: number;
  /** The access log's flag. */
  readonly flag: string;
  /**
   * Whether another attempt cannot deliver the request twice and can send all of it.
   * The request path sets it; hooks read it.
   */
  retrySafe = false;

  /** `message` is for the log alone: the client gets a fixed text for the status. */
  constructor(type: ErrorType, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ProxyError";
    this.type = type;
    const kind = KINDS[type];
    this.source = kind.source;
    this.status = kind.status;
    this.flag = kind.flag;
  }
}

/** The error as a {@linkcode ProxyError}; anything else becomes one of type `fallback` with the same message. */
export function toProxyError(error: unknown, fallback: ErrorType): ProxyError {
  return error instanceof ProxyError ? error : new ProxyError(fallback, messageOf(error), { cause: error });
}

/** A one-line text for any thrown value. */
export function messageOf(error: unknown): string {
  const named = error instanceof Error && !(error instanceof ProxyError);
  const text = named
    ? `${error.name}: ${error.message}`
    : error instanceof Error
    ? error.message
    : String(error);
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ");
}
