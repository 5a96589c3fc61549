import { assert, assertEquals } from "@std/assert";
import { type ByteSink, LineWriter } from "../../src/observe/line_writer.ts";

const decoder = new TextDecoder();

/** A reader that takes what it is given, at most `most` bytes at a time. */
class Taking implements ByteSink {
  writes: string[] = [];
  readonly #most: number;

  constructor(most = Infinity) {
    this.#most = most;
  }

  get text(): string {
    return this.writes.join("");
  }

  write(bytes: Uint8Array): Promise<number> {
    const taken = bytes.subarray(0, this.#most);
    this.writes.push(decoder.decode(taken));
    return Promise.resolve(taken.length);
  }
}

/** A reader that takes nothing until it is told to. */
class Stuck extends Taking {
  readonly #gate = Promise.withResolvers<void>();

  open(): void {
    this.#gate.resolve();
  }

  override async write(bytes: Uint8Array): Promise<number> {
    await this.#gate.promise;
    return super.write(bytes);
  }
}

/** A reader that has gone away. */
class Broken implements ByteSink {
  write(): Promise<number> {
    return Promise.reject(new Deno.errors.BrokenPipe("nobody reads"));
  }
}

Deno.test("lines taken one after the other are written together", async () => {
  const sink = new Taking();
  const writer = new LineWriter(sink);
  for (const line of ["one", "two", "three"]) writer.write(line);
  assertEquals(sink.writes, []);
  await writer.flush();
  assertEquals(sink.writes, ["one\ntwo\nthree\n"]);
});

Deno.test("lines are written before long without a flush", async () => {
  const written = Promise.withResolvers<string>();
  const writer = new LineWriter({
    write(bytes) {
      written.resolve(decoder.decode(bytes));
      return Promise.resolve(bytes.length);
    },
  });
  writer.write("one");
  writer.write("two");
  assertEquals(await written.promise, "one\ntwo\n");
  await writer.flush();
});

Deno.test("many lines are written at once rather than when their time has come", async () => {
  const sink = new Taking();
  const writer = new LineWriter(sink);
  for (let i = 0; i < 700; i++) writer.write("x".repeat(99));
  assertEquals(sink.writes.length, 1);
  await writer.flush();
  assertEquals([sink.text.length, writer.dropped], [70_000, 0]);
});

Deno.test("a reader that takes a little at a time gets everything in order", async () => {
  const sink = new Taking(7);
  const writer = new LineWriter(sink);
  const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`);
  for (const line of lines) writer.write(line);
  await writer.flush();
  assertEquals(sink.text, lines.map((line) => `${line}\n`).join(""));
});

Deno.test("characters beyond ASCII are written as UTF-8, whole also when taken byte by byte", async () => {
  const bytes: number[] = [];
  const writer = new LineWriter({
    write(piece) {
      bytes.push(piece[0]!);
      return Promise.resolve(1);
    },
  });
  writer.write("caf\u00e9 \u{1f6aa}");
  await writer.flush();
  assertEquals(decoder.decode(Uint8Array.from(bytes)), "caf\u00e9 \u{1f6aa}\n");
});

Deno.test("a stuck reader holds nobody up: lines beyond the limit are dropped, counted and told", async () => {
  const sink = new Stuck();
  const told: number[] = [];
  const writer = new LineWriter(sink, { limit: 100, onDropped: (lines) => told.push(lines) });
  writer.write("first");
  const flushed = writer.flush();
  for (let i = 0; i < 30; i++) writer.write("123456789");
  assertEquals(writer.dropped, 20);
  assertEquals(told[0], 1);
  sink.open();
  await flushed;
  await writer.flush();
  assertEquals(sink.text, `first\n${"123456789\n".repeat(10)}`);
  writer.write("after");
  await writer.flush();
  assert(sink.text.endsWith("after\n"), "it goes on once the reader does");
  assertEquals(writer.dropped, 20);
});

Deno.test("a flush gives up on a stuck reader after its time", async () => {
  const sink = new Stuck();
  const writer = new LineWriter(sink);
  writer.write("one");
  await writer.flush(10);
  assertEquals(sink.writes, []);
  sink.open();
  await writer.flush();
  assertEquals(sink.text, "one\n");
});

Deno.test("what a reader that has gone away would have got is counted, and so is all that comes later", async () => {
  const told: number[] = [];
  const writer = new LineWriter(new Broken(), { onDropped: (lines) => told.push(lines) });
  writer.write("one");
  writer.write("two");
  await writer.flush();
  assertEquals([writer.dropped, told], [2, [2]]);
  writer.write("three");
  assertEquals(writer.dropped, 3);
  await writer.flush();
});

Deno.test("a reader that breaks between two writes costs only what it did not take", async () => {
  let writes = 0;
  const writer = new LineWriter({
    write(bytes) {
      if (++writes > 1) return Promise.reject(new Deno.errors.BrokenPipe("nobody reads"));
      return Promise.resolve(bytes.length);
    },
  });
  writer.write("taken");
  await writer.flush();
  writer.write("lost");
  await writer.flush();
  assertEquals(writer.dropped, 1);
});

Deno.test("a flush with nothing to write is over at once", async () => {
  const sink = new Taking();
  await new LineWriter(sink).flush();
  assertEquals(sink.writes, []);
});
