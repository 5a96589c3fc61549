import { assert, assertEquals } from "@std/assert";
import { prometheusText } from "../../src/admin/prometheus.ts";
import { LoadBalancer } from "../../src/mod.ts";
import { HookMetrics } from "../../src/observe/hook_metrics.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { adminSource } from "../support/admin.ts";
import { testProxy } from "../support/proxy.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask } from "../support/group.ts";

function valueOf(text: string, sample: string): number | undefined {
  const line = text.split("\n").find((line) => line.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
}

Deno.test("requests, their times and their upstreams are counted in Prometheus's format", async () => {
  await using origin = busyOrigin("ok");
  const group = new LoadBalancer([{ address: origin.address }], { name: "web" });
  const metrics = new Metrics();
  {
    await using proxy = testProxy({ upstreamPeer: group.select });
    for (let i = 0; i < 3; i++) assertEquals(await ask(proxy), "200 ok");
    await proxy.ended(3);
    for (const entry of proxy.entries) metrics.add({ ...entry, route: "all" });
  }
  const routes = [{ name: "all", match: "", action: "", group: "web" }];
  const text = prometheusText(adminSource({ metrics, groups: [group], routes }), "1.2.3");
  const all = 'route="all",upstream="web"';
  assertEquals(valueOf(text, `proxy_requests_total{listener="",${all},code="200",method="GET"}`), 3);
  assertEquals(valueOf(text, `proxy_request_duration_seconds_count{${all}}`), 3);
  assertEquals(valueOf(text, `proxy_request_duration_seconds_bucket{${all},le="+Inf"}`), 3);
  assertEquals(valueOf(text, `proxy_upstream_up{upstream="web",server="${origin.address}"}`), 1);
  assertEquals(
    valueOf(text, `proxy_upstream_attempts_total{upstream="web",server="${origin.address}"}`),
    3,
  );
  assertEquals(valueOf(text, "proxy_config_last_reload_success_timestamp_seconds"), 2);
  assert(group.backends[0]!.times!.at(0.5)! > 0, "each upstream has its latency");
  group.setAdmin(origin.address, "draining");
  const later = prometheusText(adminSource({ metrics, groups: [group], routes }), "1.2.3");
  assertEquals(valueOf(later, `proxy_upstream_up{upstream="web",server="${origin.address}"}`), 0);
});

Deno.test("names with quotes, backslashes and line ends stay within their label", () => {
  const hooks = [new HookMetrics('a"b\\c\nd', "requestFilter")];
  hooks[0]!.add(1, true);
  const text = prometheusText(adminSource({ hooks }), "1");
  assertEquals(valueOf(text, 'proxy_hook_errors_total{hook="a\\"b\\\\c\\nd",phase="requestFilter"}'), 1);
});
