/**
 * An origin to run as a process: `moody_origin_program.ts NAME PORT`. It answers everything with its name.
 *
 * `/mood/well`, `/mood/slow` and `/mood/sick` tell it how to answer from then on, health checks included.
 *
 * @module
 */
const [name, port] = Deno.args as [string, string];

/** What an answer takes, in milliseconds: long enough for a few requests to be under way at any time. */
const PAUSE = 20;
/** What it takes when it is slow: more than checks allow, less than the proxy's time-out. */
const LONG_PAUSE = 600;

let mood = "well";

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, async (request) => {
  const told = /^\/mood\/(\w+)$/.exec(new URL(request.url).pathname);
  if (told !== null) {
    mood = told[1]!;
    return new Response();
  }
  await request.text();
  await new Promise((resolve) => setTimeout(resolve, mood === "slow" ? LONG_PAUSE : PAUSE));
  return new Response(name, { status: mood === "sick" ? 500 : 200 });
});
