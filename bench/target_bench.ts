/** Bringing request targets to their normal form. */
import { normalTarget } from "../src/downstream/target.ts";

const TARGETS = {
  "plain": "/assets/app.js",
  "root": "/",
  "with query": "/search?q=reverse+proxy&page=2&redirect=%2Fhome%3Fa%3D1",
  "long": `/${"segment/".repeat(30)}file.html`,
  "dot segments": "/a/b/../c/./d/../../e",
  "escapes": "/caf%C3%A9/%7Euser/100%25",
  "escaped dots": "/a/%2e%2e/b/%2E/c",
  "beyond ASCII": "/caf\u00e9/r\u00e9sum\u00e9?n=\u00e9",
};

for (const [name, target] of Object.entries(TARGETS)) {
  Deno.bench({
    name: `normalTarget(), ${name}`,
    group: "target",
    baseline: name === "plain",
    fn: () => void normalTarget(target),
  });
}

Deno.bench({
  name: "new URL(), plain, for comparison",
  group: "target",
  fn: () => void new URL(TARGETS.plain, "http://example.com").pathname,
});
