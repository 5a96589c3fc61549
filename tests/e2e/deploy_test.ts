// The files of deploy/, as far as they can be held against something without their platform.
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as yaml from "@std/yaml";
import { e2e, outcome, postern, ROOT, tempFolder } from "../support/process.ts";

const read = (path: string) => Deno.readTextFile(`${ROOT}deploy/${path}`);

/** The documents of a YAML file. */
async function documents(path: string): Promise<Record<string, unknown>[]> {
  return (await read(path)).split(/^---$/m).map((text) => yaml.parse(text) as Record<string, unknown>);
}

e2e("systemd finds nothing wrong with its unit, and little that it leaves open", async () => {
  using folder = tempFolder();
  // Deno is elsewhere here.
  const unit = (await read("systemd/postern.service")).replaceAll("/usr/local/bin/deno", Deno.execPath());
  const file = folder.write("postern.service", unit);
  const { code, err } = await outcome(["systemd-analyze", "verify", "--man=no", file]);
  assertEquals([code, err.filter((line) => line.includes("postern"))], [0, []]);
  const { out } = await outcome(["systemd-analyze", "security", "--offline=true", "--no-pager", file]);
  const [, exposure] = /Overall exposure level for postern.service: ([\d.]+)/.exec(out.join("\n")) ?? [];
  assert(Number(exposure) <= 2, `exposure ${exposure}`);
}, ["systemd-analyze"]);

e2e("the launchd file is a property list that runs a configuration", async () => {
  const { default: plist } = await import("plist");
  const parsed = plist.parse(await read("launchd/dev.postern.postern.plist")) as Record<string, unknown>;
  const words = parsed.ProgramArguments as string[];
  assertEquals(words.slice(-4, -1), ["main.ts", "run", "-c"]);
  assert(!words.some((word) => /^--allow-(all|net|read)$/.test(word)), "nothing is granted as a whole");
});

e2e(
  "the Kubernetes manifests are valid, and their probes and ports fit the configuration in them",
  async () => {
    const all = await documents("kubernetes/postern.yaml");
    const kinds: Record<string, unknown>[] = [];
    for (const document of all) {
      const { apiVersion, kind } = document as { apiVersion: string; kind: string };
      const { [kind]: Model } = await import(`npm:kubernetes-models@^5.1.0/${apiVersion}/${kind}`);
      new Model(document).validate();
      kinds.push(document);
    }
    assertEquals(all.map(({ kind }) => kind), [
      "ConfigMap",
      "Service",
      "Deployment",
      "Service",
      "PodDisruptionBudget",
      "HorizontalPodAutoscaler",
    ]);
    using folder = tempFolder();
    const { data } = all[0] as { data: Record<string, string> };
    const file = folder.write("postern.yaml", data["postern.yaml"]!);
    const { code, err } = await postern([`--allow-read=${folder.path}`], ["check", "-c", file]);
    assertEquals([code, err.filter((line) => line !== "")], [0, []]);
  },
);

e2e("the image is built from what the repository has, with the Deno that it is tested with", async () => {
  const dockerfile = await read("docker/Dockerfile");
  const ci = await Deno.readTextFile(`${ROOT}.ci/run`);
  const [, version] = /^DENO=(\S+)$/m.exec(ci)!;
  assertMatch(dockerfile, new RegExp(`deno@${version!.replaceAll(".", "\\.")}\\s`));
  for (const [, sources] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const source of sources!.split(" ")) await Deno.stat(ROOT + source);
  }
  for (const [, entry] of dockerfile.matchAll(/deno cache --frozen (.+)$/gm)) {
    for (const source of entry!.split(" ")) await Deno.stat(ROOT + source);
  }
});
