/**
 * The sections of the status page.
 *
 * @module
 */
import { SLOT } from "../observe/timeline.ts";
import { type Html, html, type Part } from "./html.ts";
import { plot } from "./plot.ts";
import type { BackendStatus, Status } from "./status.ts";
import { duration, milliseconds, moment, percent, rounded } from "./words.ts";

/** What a backend's state is called. */
const WORDS: Readonly<Record<BackendStatus["state"], string>> = {
  up: "UP",
  unchecked: "NO CHECK",
  probing: "PROBING",
  draining: "DRAIN",
  disabled: "DISABLED",
  ejected: "EJECTED",
  open: "OPEN",
  down: "DOWN",
};

/** The proxy as a whole. */
export function summary(status: Status): Html {
  const { requests, config, version, listeners } = status;
  const cards: [string, string][] = [
    ["Requests", rounded(requests.total)],
    ["Requests/s", rounded(requests.perSecond)],
    ["In flight", rounded(requests.active)],
    ["Errors (5xx)", rounded(requests.errors)],
    ["Retries", rounded(requests.retries)],
    ["Clients that left", rounded(requests.clientAborts)],
    ["Memory", `${rounded(status.memory / 1024 / 1024)} MB`],
    ["Up for", duration(status.at - status.startedAt)],
  ];
  const problem = config.problem === ""
    ? ""
    : html`<p class="notice" role="alert">The last reload failed, the configuration before is in use: ${config.problem}</p>`;
  return html`
    ${status.draining ? html`<p class="notice" role="alert">Stopping: no new connections.</p>` : ""}${problem}
    <dl class="cards">${cards.map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )}</dl>
    <p
      class="faint">postern ${version.postern}, deno ${version.deno}; configuration ${config
        .version} since ${moment(config.since)}; listening on ${listeners.map(({ address }) => address).join(
          ", ",
        )}</p>
  `;
}

/** The last 15 minutes. */
export function traffic({ timeline }: Status): Html {
  // The last slot is not over: it would look like a fall.
  const slots = timeline.slice(0, -1);
  const perSecond = (count: number) => count / (SLOT / 1_000);
  const last = slots.at(-1);
  const rate = `Requests per second over the last 15 minutes, now ${
    rounded(perSecond(last?.requests ?? 0))
  }, ${rounded(perSecond(last?.errors ?? 0))} of them errors`;
  const latency = `Latency over the last 15 minutes, now p50 ${milliseconds(last?.p50)}, p99 ${
    milliseconds(last?.p99)
  }`;
  return html`
    <h2>Last 15 minutes</h2>
    <div class="plots">
      <figure>${plot(rate, [
        { name: "main", values: slots.map(({ requests }) => perSecond(requests)) },
        { name: "bad", values: slots.map(({ errors }) => perSecond(errors)) },
      ], 80)}<figcaption>${rate}</figcaption></figure>
      <figure>${plot(latency, [
        { name: "second", values: slots.map(({ p99 }) => p99) },
        { name: "main", values: slots.map(({ p50 }) => p50) },
      ], 80)}<figcaption>${latency}</figcaption></figure>
    </div>
  `;
}

/** The groups, a table each in HAProxy's manner. */
export function groups(status: Status, mayAct: boolean): Html {
  return html`${
    status.groups.map(({ name, inFlight, backends }) => {
      const taking = backends.filter(({ takesRequests }) => takesRequests).length;
      const columns = [
        "Backend",
        "State",
        "Since",
        "Last check",
        "#Weight",
        "#In flight",
        "#Req/s",
        "#Requests",
        "#Failures",
        "#Failing",
        "#p50",
        "#p99",
        "Latency",
        "#Ejections",
        "Cause",
        ...(mayAct ? ["Actions"] : []),
      ];
      return html`
        <h2>Upstream ${name}</h2><p
          class="faint">${taking} of ${backends
            .length} take requests, ${inFlight} requests in flight</p>${table(
              `Backends of ${name}`,
              columns,
              backends.map((backend) => backendRow(name, backend, mayAct)),
            )}
      `;
    })
  }`;
}

function backendRow(group: string, backend: BackendStatus, mayAct: boolean): Html {
  const { address, state, check, labels } = backend;
  const shown = check === null ? "–" : `${check.ok ? "passed" : "failed"} in ${milliseconds(check.ms)}`;
  const actions = (["drain", "enable", "disable"] as const).filter((action) =>
    action === "enable" ? state === "draining" || state === "disabled" : !state.startsWith(action)
  );
  const buttons = actions.map((action) =>
    html`
      <button name="action" value="${action} ${group} ${address}" id="${action}-${group}-${address}"
        aria-label="${action} ${address} of ${group}">${action}</button>
    `
  );
  return html`<tr><th scope="row">${address}${
    Object.entries(labels).map(([name, value]) =>
      html`
        <span class="faint">${name}=${value}</span>
      `
    )
  }</th><td><span class="state ${state}">${WORDS[state]}</span></td><td>${
    duration(backend.forMs)
  }</td><td>${shown}</td>${
    numbers(
      backend.weight,
      backend.inFlight,
      rounded(backend.rate),
      rounded(backend.requests),
      rounded(backend.failures),
      percent(backend.failing),
      milliseconds(backend.p50),
      milliseconds(backend.p99),
    )
  }<td>${
    plot(
      `Latency of ${address}, now ${milliseconds(backend.latencies.at(-1))}`,
      [{ name: "main", values: backend.latencies }],
      20,
    )
  }</td>${numbers(backend.ejections)}<td class="wide">${backend.cause}</td>${
    mayAct ? html`<td>${buttons}</td>` : ""
  }</tr>`;
}

/** The routes, in the order in which they are looked at. */
export function routes(status: Status): Html {
  if (status.routes.length === 0) return html``;
  const columns = [
    "Route",
    "Match",
    "Action",
    "#Requests",
    "#Errors",
    "#Retries",
    "#p50",
    "#p99",
  ];
  const rows = status.routes.map((route) =>
    html`<tr><th scope="row">${route.name}</th><td class="wide">${route.match}</td><td class="wide">${route.action}</td>${
      numbers(
        rounded(route.requests),
        rounded(route.errors),
        rounded(route.retries),
        milliseconds(route.p50),
        milliseconds(route.p99),
      )
    }</tr>`
  );
  return html`<h2>Routes</h2>${table("Routes", columns, rows)}`;
}

/** The hook modules, with what they may reach and what they cost. */
export function modules(status: Status): Html {
  if (status.modules.length === 0) return html``;
  const columns = ["Module", "Permissions", "Hook", "#Calls", "#Failures", "#Mean"];
  const rows = status.modules.flatMap(({ name, sandboxed, net, permissions, hooks }) => {
    const granted = sandboxed
      ? `sandboxed: net=${net.join(",") || "nothing"} ${permissions.join(" ")}`
      : "in process, all that the proxy may";
    return hooks.map(({ phase, calls, failures, meanMs }, i) =>
      html`<tr>${
        i === 0
          ? html`
            <th scope="row" rowspan="${hooks.length}">${name}</th>
            <td class="wide" rowspan="${hooks.length}">${granted}</td>
          `
          : ""
      }<td>${phase}</td>${
        numbers(rounded(calls), rounded(failures), calls === 0 ? "–" : milliseconds(meanMs))
      }</tr>`
    );
  });
  return html`<h2>Hook modules</h2>${table("Hook modules", columns, rows)}`;
}

/** The last requests that failed. */
export function failures(status: Status): Html {
  if (status.failures.length === 0) {
    return html`
      <h2>Recent errors</h2>
      <p class="faint">none</p>
    `;
  }
  const columns = ["When", "Status", "Flag", "Request", "Route", "Upstream", "#Attempts", "Id"];
  const rows = status.failures.slice(0, 20).map((failure) =>
    html`<tr><td>${
      moment(failure.startedAt)
    }</td><td>${failure.status}</td><td>${failure.flag}</td><td class="wide">${failure.method} ${failure.host}${
      failure.target.slice(0, 200)
    }</td><td>${failure.route}</td><td>${failure.upstream}</td>${
      numbers(failure.attempts)
    }<td>${failure.id}</td></tr>`
  );
  return html`<h2>Recent errors</h2>${table("Recent errors", columns, rows)}`;
}

/** A table that can be scrolled sideways by keyboard too. Columns whose name begins with `#` hold numbers. */
function table(label: string, columns: readonly string[], rows: readonly Html[]): Html {
  const heads = columns.map((name) =>
    name.startsWith("#")
      ? html`<th scope="col" class="n">${name.slice(1)}</th>`
      : html`<th scope="col">${name}</th>`
  );
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="${label}">
      <table aria-label="${label}">
        <thead>
          <tr>${heads}</tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}

function numbers(...values: Part[]): Html {
  return html`${values.map((value) => html`<td class="n">${value}</td>`)}`;
}
