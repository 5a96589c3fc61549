// Rules that mark answers, several at once.
import { assertEquals } from "@std/assert";
import { httpOrigin } from "../support/origin.ts";
import { e2e, ready, start, tempFolder } from "../support/process.ts";

e2e("answers are compressed, marked and rewritten for at once, and refusals are marked as well", async () => {
  const text = "a line of text\n".repeat(500);
  await using origin = httpOrigin((request) => {
    const { pathname } = new URL(request.url);
    return new Response(text, {
      headers: { "content-type": "text/plain", "x-path": pathname, "x-secret": "1" },
    });
  });
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `defaults: { headers: { response: { set: { x-served-by: postern }, remove: [x-secret] } } }
listeners: [{ address: "127.0.0.1:0", front: tcp }]
groups: { web: { members: ["${origin.address}"] } }
routes:
  - { match: { path: /app/* }, to: web, compression: true, rewrite: { stripPrefix: /app } }
  - { match: { path: /closed }, to: web, allow: [10.0.0.0/8] }
`,
  );
  await using proxy = start(["--allow-net=127.0.0.1", "--allow-read"], ["run", "-c", file]);
  const url = await ready(proxy);
  const marks = (
    { status, headers }: Response,
  ) => [
    status,
    ...["content-encoding", "x-path", "x-secret", "x-served-by"].map((name) => headers.get(name)),
  ];
  const answer = await fetch(`${url}/app/x`, { headers: { "accept-encoding": "gzip" } });
  assertEquals(marks(answer), [200, "gzip", "/x", null, "postern"]);
  assertEquals(await answer.text(), text);
  const refused = await fetch(`${url}/closed`);
  await refused.body?.cancel();
  assertEquals(marks(refused), [403, null, null, null, "postern"]);
});
