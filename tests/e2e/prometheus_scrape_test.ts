import { assert, assertEquals } from "@std/assert";
import { e2e, Process, ready, start, tempFolder } from "../support/process.ts";

e2e("a real Prometheus scrapes the metrics and answers questions about them", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `admin: { listen: "127.0.0.1:0" }
logs: { access: off }
listeners: [{ address: "127.0.0.1:0" }]
routes: [{ name: hello, respond: { body: hello } }]
`,
  );
  await using proxy = start(["--allow-net=127.0.0.1", "--allow-read"], ["run", "-c", file]);
  const url = await ready(proxy);
  const [, admin] = await proxy.err.find(/^status http:\/\/(.+)\/$/);
  for (let i = 0; i < 3; i++) await (await fetch(url)).text();
  const config = folder.write(
    "prometheus.yaml",
    `global: { scrape_interval: 200ms, scrape_timeout: 200ms }
scrape_configs: [{ job_name: postern, static_configs: [{ targets: ["${admin}"] }] }]
`,
  );
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const listen = `127.0.0.1:${free.addr.port}`;
  free.close();
  await using prometheus = new Process([
    "prometheus",
    `--config.file=${config}`,
    `--storage.tsdb.path=${folder.path}/data`,
    `--web.listen-address=${listen}`,
  ]);
  await prometheus.err.find(/Server is ready to receive web requests/);
  const query = encodeURIComponent('proxy_requests_total{route="hello",code="200"}');
  let values: string[] = [];
  for (const giveUp = performance.now() + 10_000; values.length === 0;) {
    assert(performance.now() < giveUp, "no value came");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const answer = await fetch(`http://${listen}/api/v1/query?query=${query}`);
    const { data } = await answer.json();
    values = data.result.map((one: { value: [number, string] }) => one.value[1]);
  }
  assertEquals(values, ["3"]);
}, ["prometheus"]);
