// Each file in `bad/` begins with what is said of it, a comment for each line; the places count those comments.
import { assert, assertEquals } from "@std/assert";
import { buildPlan } from "../../src/config/build.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { e2e, ROOT } from "../support/process.ts";

const FOLDER = "tests/config/bad/";

async function namesOf(): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(ROOT + FOLDER))).map(({ name }) => name).toSorted();
}

/** What is wrong with a file, without its name. */
async function problemsOf(file: string): Promise<string[]> {
  try {
    await buildPlan(await loadConfig(file));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n").map((line) => line.slice(file.length + 1));
  }
  return ["nothing"];
}

e2e(
  "every problem of a bad file is told at once, with its place, what is allowed and what was meant",
  async (t) => {
    const names = await namesOf();
    assert(names.length >= 70, `${names.length} files`);
    for (const name of names) {
      await t.step(name, async () => {
        const lines = (await Deno.readTextFile(ROOT + FOLDER + name)).split("\n");
        const expected = lines.slice(0, lines.findIndex((line) => !line.startsWith("# ")));
        const found = await problemsOf(FOLDER + name);
        assertEquals(found, expected.map((line) => line.slice(2)));
      });
    }
  },
);

e2e("no message is one of the library's own", async () => {
  for (const name of await namesOf()) {
    for (const line of await problemsOf(FOLDER + name)) {
      assert(!/Invalid|Too (?:small|big)|Unrecognized|undefined/.test(line), `${name}: ${line}`);
    }
  }
});
