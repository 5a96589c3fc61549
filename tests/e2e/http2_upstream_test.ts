// Upstreams that speak HTTP/2 in other people's words: nginx and Caddy, in plain text.
import { assertEquals } from "@std/assert";
import { freePort } from "../../bench/server.ts";
import { startNginx } from "../../bench/nginx.ts";
import { type TestProxy, testProxy } from "../support/proxy.ts";
import { e2e, Process, tempFolder } from "../support/process.ts";
import { letters } from "../support/wire.ts";

const BODY = letters(1_000_000);

/** Whether a program is installed. */
function has(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["version"], stdout: "null", stderr: "null" }).outputSync() !==
      null;
  } catch {
    return false;
  }
}

function proxyTo(port: number): TestProxy {
  const peer = { address: `127.0.0.1:${port}`, protocol: "http2" as const };
  return testProxy({ upstreamPeer: () => peer }, { front: "tcp" });
}

/** Asks for the same file, large and small, many times at once and one after another. */
async function exercise(proxy: TestProxy): Promise<void> {
  const get = async (path: string, init?: RequestInit) => await (await fetch(proxy.url + path, init)).text();
  const bodies = await Promise.all(Array.from({ length: 40 }, () => get("/body.txt")));
  assertEquals(bodies.filter((body) => body !== BODY).length, 0);
  const missing = await fetch(`${proxy.url}/none`);
  await missing.body?.cancel();
  const head = await fetch(`${proxy.url}/body.txt`, { method: "HEAD" });
  assertEquals([missing.status, head.headers.get("content-length")], [404, String(BODY.length)]);
  const part = await fetch(`${proxy.url}/body.txt`, { headers: { range: "bytes=0-9" } });
  assertEquals([part.status, await part.text()], [206, BODY.slice(0, 10)]);
  assertEquals(await get("/echo", { method: "POST", body: BODY }), "POST");
  assertEquals(proxy.counters.connects, 1);
}

e2e("nginx as an upstream by HTTP/2", async () => {
  if (!has("nginx")) return;
  using folder = tempFolder();
  folder.write("body.txt", BODY);
  // nginx's workers may run as another user.
  await Deno.chmod(folder.path, 0o755);
  const port = freePort();
  const server = await startNginx(
    `${folder.path}/nginx`,
    port,
    `server {
      listen 127.0.0.1:${port} http2;
      location / { root ${folder.path}; }
      location /echo { return 200 $request_method; }
    }`,
  );
  try {
    await using proxy = proxyTo(port);
    await exercise(proxy);
  } finally {
    await server.stop();
  }
});

e2e("Caddy as an upstream by HTTP/2", async () => {
  if (!has("caddy")) return;
  using folder = tempFolder();
  folder.write("body.txt", BODY);
  const port = freePort();
  const file = folder.write(
    "Caddyfile",
    `{
  admin off
  auto_https off
  servers {
    protocols h1 h2c
  }
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  respond /echo "{method}"
  root * ${folder.path}
  file_server
}
`,
  );
  const env = { XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path };
  await using server = new Process(["caddy", "run", "--adapter", "caddyfile", "--config", file], { env });
  await server.err.find(/serving initial configuration/);
  await using proxy = proxyTo(port);
  await exercise(proxy);
});
