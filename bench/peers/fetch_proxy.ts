/** The proxy that everybody writes first: `Deno.serve` and `fetch`. Arguments: PORT ORIGIN. */
const [port, origin] = Deno.args;

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen: () => {} }, (request) => {
  const { method, url, headers, body } = request;
  const { pathname, search } = new URL(url);
  return fetch(`http://${origin}${pathname}${search}`, { method, headers, body, redirect: "manual" });
});
