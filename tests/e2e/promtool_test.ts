import { assertEquals } from "@std/assert";
import { prometheusText } from "../../src/admin/prometheus.ts";
import { LoadBalancer } from "../../src/mod.ts";
import { HookMetrics } from "../../src/observe/hook_metrics.ts";
import { adminSource } from "../support/admin.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask } from "../support/group.ts";
import { e2e } from "../support/process.ts";
import { testProxy } from "../support/proxy.ts";

e2e("promtool finds nothing wrong with the metrics", async () => {
  await using origin = busyOrigin("ok");
  const group = new LoadBalancer([{ address: origin.address }], { name: "web" });
  const hook = new HookMetrics("./auth.ts", "requestFilter");
  hook.add(1, false);
  const source = adminSource({ groups: [group], hooks: [hook] });
  {
    await using proxy = testProxy({ upstreamPeer: group.select });
    await ask(proxy);
    const entry = await proxy.ended(1);
    source.metrics.add({ ...entry, route: "all" });
  }
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(prometheusText(source, "1.2.3")));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals([code, said], [0, ""]);
}, ["promtool"]);
