import { assertEquals } from "@std/assert";
import { LogFile } from "../../src/observe/log_file.ts";
import { LineWriter } from "../../src/observe/line_writer.ts";
import { e2e } from "../support/process.ts";

e2e("a log that was moved away goes on in a new file, once it is told, without losing a line", async () => {
  const folder = await Deno.makeTempDir();
  const [path, moved] = [`${folder}/access.log`, `${folder}/access.log.1`];
  const problems: string[] = [];
  const file = new LogFile(path, (problem) => void problems.push(problem));
  const writer = new LineWriter(file);
  writer.write("one");
  await writer.flush();
  await Deno.rename(path, moved);
  writer.write("two");
  await writer.flush();
  file.reopen();
  writer.write("three");
  await writer.flush();
  file.close();
  assertEquals(await Deno.readTextFile(moved), "one\ntwo\n");
  assertEquals([await Deno.readTextFile(path), problems], ["three\n", []]);
  await Deno.remove(folder, { recursive: true });
});

e2e("a log whose folder is gone goes on where it was, and says so", async () => {
  const folder = await Deno.makeTempDir();
  const problems: string[] = [];
  const file = new LogFile(`${folder}/access.log`, (problem) => void problems.push(problem));
  const writer = new LineWriter(file);
  await Deno.rename(folder, `${folder}.away`);
  file.reopen();
  writer.write("line");
  await writer.flush();
  file.close();
  assertEquals(await Deno.readTextFile(`${folder}.away/access.log`), "line\n");
  assertEquals(problems.length, 1);
  await Deno.remove(`${folder}.away`, { recursive: true });
});
