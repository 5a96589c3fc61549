/**
 * Small plots.
 *
 * @module
 */
import { type Html, html } from "./html.ts";

/** A line of a {@linkcode plot}. */
export interface Line {
  /** Which of the page's colours it has. */
  readonly name: "main" | "second" | "bad";
  /** Its values; undefined leaves a gap. */
  readonly values: readonly (number | undefined)[];
}

const WIDTH = 600;

/** Lines over the same time, from 0 up. `label` says in words what can be seen. */
export function plot(label: string, lines: readonly Line[], height: number): Html {
  const top = Math.max(1e-9, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const paths = lines.map(({ name, values }) =>
    html`
      <path class="${name}" d="${pathOf(values, top, height)}" />
    `
  );
  return html`
    <svg role="img" aria-label="${label}" viewBox="0 0 ${WIDTH} ${height}"
      preserveAspectRatio="none"><title>${label}</title>${paths}</svg>
  `;
}

function pathOf(values: readonly (number | undefined)[], top: number, height: number): string {
  const step = WIDTH / Math.max(1, values.length - 1);
  let isDrawing = false;
  return values.map((value, i) => {
    if (value === undefined) {
      isDrawing = false;
      return "";
    }
    const point = `${(i * step).toFixed(1)} ${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`;
    const command = isDrawing ? "L" : "M";
    isDrawing = true;
    return `${command}${point}`;
  }).join("");
}
