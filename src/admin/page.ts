/**
 * The status page: one HTML document with nothing from elsewhere. It can be read without JavaScript; with it, it is live.
 *
 * @module
 */
import { Html, html } from "./html.ts";
import { failures, groups, modules, routes, summary, traffic } from "./page_sections.ts";
import { SCRIPT } from "./page_script.ts";
import { STYLE } from "./page_style.ts";
import type { Status } from "./status.ts";

/** How often the page loads itself anew where JavaScript does not run, in seconds. */
const REFRESH = 5;

/** What the page shows, by the ids of its elements. */
export function sections(status: Status, mayAct: boolean): Map<string, Html> {
  return new Map([
    ["summary", summary(status)],
    ["traffic", traffic(status)],
    ["groups", groups(status, mayAct)],
    ["routes", routes(status)],
    ["modules", modules(status)],
    ["failures", failures(status)],
  ]);
}

/**
 * The page.
 *
 * @param mayAct Whether there is a token that allows actions.
 * @param nonce What the page's policy knows its script and style by.
 */
export function page(status: Status, mayAct: boolean, nonce: string): string {
  const parts = [...sections(status, mayAct)].map(([id, section]) =>
    html`<section id="${id}">${section}</section>`
  );
  const token = html`<div class="tools"><label for="token">Token for actions</label>
<input id="token" name="token" type="password" autocomplete="current-password">
<button name="action" value="reload" id="reload">Reload the configuration</button>
<span id="result" role="status"></span></div>`;
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Postern</title>
        <link rel="icon" href="data:,">
        <noscript><meta http-equiv="refresh" content="${REFRESH}"></noscript>
        <style nonce="${nonce}">${new Html(STYLE)}</style>
      </head>
      <body>
        <header>
          <h1>Postern</h1>
          <p
            class="faint"><span id="live" role="status">as of loading</span>, <a href="status.json">as JSON</a>, <a href="metrics">for Prometheus</a>, <a href="config">configuration</a></p>
        </header>
        <main>
    ${mayAct ? html`<form id="actions" method="post" action="action">${token}${parts}</form>` : html`
      ${parts}<p
        class="faint">There is no token in the configuration, so that nothing can be changed from here.</p>
    `}
        </main>
        <script nonce="${nonce}">${new Html(SCRIPT)}</script>
      </body>
    </html>
  `.text;
}
