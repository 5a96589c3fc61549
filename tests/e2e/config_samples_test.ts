import { assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml";
import * as z from "zod";
import { e2e, postern, ROOT, tempFolder } from "../support/process.ts";

const FOLDER = "samples/config/";

/** A request for each sample, and the route that explains it. */
const REQUESTS: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  "single_site.yaml": { "GET http://localhost/any": /^upstream {2}group site: 127\.0\.0\.1:6189$/ },
  "balanced_api.yaml": {
    "GET http://localhost/v1/users": /^upstream .*127\.0\.0\.1:6190 \(weight 2\)/,
    "GET http://localhost/v2/users": /^answer +404, /,
  },
  "canary.yaml": {
    "GET http://localhost/": /^upstream +group both: /,
    "GET http://localhost/ -H x-canary:1": /^upstream +group canary: /,
  },
  "static_and_api.yaml": {
    "GET http://example.com/logo.png": /^route +pages /,
    "GET http://example.com/api": /^route +api /,
    "GET http://example.com/api/admin/users": /^route +admin /,
    "GET http://www.example.com/x?y": /^answer +308 to \{scheme\}:\/\/example\.com\{path\}\{query\}$/,
  },
  "tls.yaml": { "GET https://localhost:6443/": /^upstream +group site: 127\.0\.0\.1:6444$/ },
  "sandboxed_auth.yaml": {
    "GET http://localhost/private": /^hooks +samples\/config\/check_token\.ts, in a sandbox$/,
    "GET http://localhost/public/x": /^upstream +group app: /,
  },
};

e2e("every sample of a configuration is tried here", async () => {
  const names = (await Array.fromAsync(Deno.readDir(ROOT + FOLDER))).map(({ name }) => name);
  assertEquals(names.filter((name) => name.endsWith(".yaml")).toSorted(), Object.keys(REQUESTS).toSorted());
});

/** The sample's file; that which needs certificates is copied to where there are some. */
async function fileOf(name: string, folder: string): Promise<string> {
  if (name !== "tls.yaml") return FOLDER + name;
  for (const [from, to] of [["one.pem", "site.pem"], ["one.key", "site.key"]]) {
    await Deno.copyFile(`${ROOT}tests/support/certs/${from}`, `${folder}/${to}`);
  }
  await Deno.copyFile(ROOT + FOLDER + name, `${folder}/${name}`);
  return `${folder}/${name}`;
}

for (const [name, requests] of Object.entries(REQUESTS)) {
  e2e(`${name} holds with the permissions that it names, and routes as its comments say`, async () => {
    using folder = tempFolder();
    const file = await fileOf(name, folder.path);
    const { out: [flags] } = await postern(["--allow-read"], ["permissions", "-c", file]);
    const { code, out, err } = await postern(flags!.split(" "), ["check", "--granted", "-c", file]);
    assertEquals([code, err], [0, []]);
    assertMatch(out[0]!, /: ok, 1 listener/);
    for (const [request, line] of Object.entries(requests)) {
      const { out } = await postern(["--allow-read"], ["explain", "-c", file, ...request.split(" ")]);
      assertEquals(out.some((text) => line.test(text)), true, out.join("\n"));
    }
  });

  e2e(`${name} is in the form of fmt, and names its schema for editors`, async () => {
    const { code } = await postern(["--allow-read"], ["fmt", "--diff", "-c", FOLDER + name]);
    assertEquals(code, 0);
    const [first] = (await Deno.readTextFile(ROOT + FOLDER + name)).split("\n");
    assertEquals(first, "# yaml-language-server: $schema=../../postern.schema.json");
  });
}

e2e(
  "an editor that goes by the JSON Schema finds nothing wrong with the samples, and something with a bad file",
  async () => {
    const schema = z.fromJSONSchema(JSON.parse(await Deno.readTextFile(`${ROOT}postern.schema.json`)));
    const holds = async (file: string) =>
      schema.safeParse(parse(await Deno.readTextFile(ROOT + file))).success;
    for (const name of Object.keys(REQUESTS)) assertEquals(await holds(FOLDER + name), true, name);
    for (const name of ["unknown_top_level_key", "durations_sizes_rates", "empty_lists", "no_action"]) {
      // That one action is chosen is more than the schema says.
      assertEquals(await holds(`tests/config/bad/${name}.yaml`), name === "no_action", name);
    }
  },
);
