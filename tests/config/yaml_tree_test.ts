import { assertEquals } from "@std/assert";
import { YamlTree } from "../../src/config/yaml_tree.ts";
import type { Path } from "../../src/config/problem.ts";

/** Where something is: `line:column`. */
function place(tree: YamlTree, path: Path, isKey = false): string {
  const { line, column } = tree.locate({ path, isKey, found: "" });
  return `${line}:${column}`;
}

const TEXT = `# a comment
first: 1
"quoted key": 'quoted'
block:
  - name: a
    deep: { x: 1, y: [2, 3] }
  -
    name: b
text: |
  several
  lines
flow: [a, {b: c}]
empty:
`;

Deno.test("everything in a file has its place", () => {
  const tree = new YamlTree(TEXT);
  assertEquals(tree.problems, []);
  const places: [Path, string][] = [
    [["first"], "2:8"],
    [["quoted key"], "3:15"],
    [["block"], "5:3"],
    [["block", 0], "5:5"],
    [["block", 0, "name"], "5:11"],
    [["block", 0, "deep"], "6:5"],
    [["block", 0, "deep", "y"], "6:22"],
    [["block", 0, "deep", "y", 1], "6:26"],
    [["block", 1, "name"], "8:11"],
    [["flow", 1, "b"], "12:15"],
    [["empty"], "13:1"],
  ];
  for (const [path, expected] of places) assertEquals(place(tree, path), expected, JSON.stringify(path));
  assertEquals(place(tree, ["block", 0, "deep", "y"], true), "6:19");
});

Deno.test("what is not there has the place of what it is missing from", () => {
  const tree = new YamlTree(TEXT);
  assertEquals(place(tree, ["block", 0, "missing"]), "5:5");
  assertEquals(place(tree, ["missing", "deeper"]), "2:1");
  assertEquals(place(tree, ["block", 7, "name"]), "4:1");
});

Deno.test("an alias has its own place, and what it stands for has that of the anchor", () => {
  const tree = new YamlTree("a: &x { b: 1 }\nc: [*x]\n");
  assertEquals(tree.value, { a: { b: 1 }, c: [{ b: 1 }] });
  assertEquals(place(tree, ["c", 0]), "2:5");
  assertEquals(place(tree, ["c", 0, "b"]), "1:12");
});

Deno.test("lines that end with CR LF and characters beyond the BMP move nothing", () => {
  assertEquals(place(new YamlTree("a: 1\r\nb:  2\r\n"), ["b"]), "2:5");
  assertEquals(place(new YamlTree("a: '\u{1F600}'\nb: 2\n"), ["b"]), "2:4");
});

Deno.test("a bomb of aliases is refused before anything is made of it, however wide or deep", () => {
  const levels = Array.from(
    { length: 40 },
    (_, i) => `l${i}: &l${i} [${i === 0 ? "x, x" : `*l${i - 1}, *l${i - 1}`}]`,
  );
  const begun = performance.now();
  const { problems, value } = new YamlTree(levels.join("\n"));
  assertEquals([problems.length, value], [1, undefined]);
  assertEquals(problems[0]!.found, "found more than 200000 values, with aliases replaced");
  assertEquals(performance.now() - begun < 5_000, true);
});

Deno.test("a large file that is honest is read", () => {
  const { problems } = new YamlTree(`a: [${"x, ".repeat(100_000)}x]`);
  assertEquals(problems, []);
});
