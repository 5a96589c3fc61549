/**
 * A client with one HTTP/2 connection, in clear text, whose streams may be broken off by either side.
 *
 * @module
 */
import {
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";

/** What came until a stream was closed. */
export interface StreamOutcome {
  /** The status, 0 when no head came. */
  readonly status: number;
  /** The fields. */
  readonly fields: IncomingHttpHeaders;
  /** The body, as far as it came, as latin-1. */
  readonly body: string;
  /** The error code of the stream's end, 0 for none. */
  readonly code: number;
}

/** A request under way. */
export interface StreamRequest {
  /** To listen to and to reset. */
  readonly stream: ClientHttp2Stream;
  /** Resolves when the stream is closed, whoever closed it. */
  readonly outcome: Promise<StreamOutcome>;
}

/** The connection; disposing it closes it when its streams are closed. */
export interface Http2Session extends AsyncDisposable {
  /** Sends a request without a body; `fields` have its pseudo-fields, of which the URL's authority is filled in. */
  ask(fields: Record<string, string>): StreamRequest;
}

/** Connects to a URL. */
export function http2Session(url: string): Http2Session {
  const session = connect(url);
  session.on("error", () => {});
  return {
    ask(fields) {
      const stream = session.request(fields, { endStream: true });
      return { stream, outcome: outcomeOf(stream) };
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => session.close(() => resolve())),
  };
}

function outcomeOf(stream: ClientHttp2Stream): Promise<StreamOutcome> {
  let fields: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  let body = "";
  stream.setEncoding("latin1");
  stream.on("response", (head) => fields = head);
  stream.on("data", (text: string) => body += text);
  stream.on("error", () => {});
  return new Promise((resolve) => {
    stream.on("close", () => {
      resolve({ status: fields[":status"] ?? 0, fields, body, code: stream.rstCode ?? 0 });
    });
  });
}
