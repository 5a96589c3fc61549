/**
 * A client that speaks HTTP/2 without TLS, knowing beforehand that the other side does.
 *
 * @module
 */
import http2 from "node:http2";
import { within } from "./wire.ts";

/** An answer. */
export interface Answer {
  /** The status. */
  status: number;
  /** The fields. */
  headers: Record<string, unknown>;
  /** The body, as latin-1. */
  body: string;
}

/**
 * Sends one request on a connection of its own. What the other side breaks rejects.
 *
 * @param fields The pseudo-fields, `:method` GET and `:path` `/` unless given, and the fields. Without `:authority`,
 * the client fills in the address.
 * @param pieces The body; the next piece is asked for when the one before was taken. None ends the request with its head.
 */
export async function http2Request(
  address: string,
  fields: Record<string, string>,
  pieces?: Iterable<string> | AsyncIterable<string>,
): Promise<Answer> {
  const session = http2.connect(`http://${address}`);
  const closed = new Promise<void>((resolve) => session.once("close", resolve));
  try {
    return await within(answerOn(session, fields, pieces), "an answer by HTTP/2");
  } finally {
    session.destroy();
    await closed;
  }
}

function answerOn(
  session: http2.ClientHttp2Session,
  fields: Record<string, string>,
  pieces?: Iterable<string> | AsyncIterable<string>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    session.once("error", reject);
    const stream = session.request({ ":method": "GET", ":path": "/", ...fields }, {
      endStream: pieces === undefined,
    });
    const answer: Answer = { status: 0, headers: {}, body: "" };
    stream.setEncoding("latin1");
    stream.on("response", (headers: Record<string, unknown>) => {
      answer.status = Number(headers[":status"]);
      answer.headers = headers;
    });
    stream.on("data", (text: string) => answer.body += text);
    stream.on("error", reject);
    stream.on("close", () => resolve(answer));
    if (pieces !== undefined) {
      (async () => {
        for await (const piece of pieces) await new Promise((taken) => stream.write(piece, "latin1", taken));
        stream.end();
      })().catch(reject);
    }
  });
}
