import { assertEquals } from "@std/assert";
import { e2e, postern, ROOT, tempFolder } from "../support/process.ts";

e2e("every configuration in the README can be used, without a warning", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const blocks = [...readme.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text!);
  assertEquals(blocks.length > 0, true);
  using folder = tempFolder();
  for (const [i, text] of blocks.entries()) {
    const file = folder.write(`readme${i}.yaml`, text);
    const { code, out, err } = await postern([`--allow-read=${folder.path}`], ["check", "-c", file]);
    assertEquals([code, out, err.filter((line) => line !== "")], [
      0,
      [`${file}: ok, 1 listener, 1 group, 3 routes`],
      [],
    ]);
  }
});
