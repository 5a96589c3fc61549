/**
 * Text for a page.
 *
 * @module
 */

/** Text that is HTML already. */
export class Html {
  /** The HTML. */
  readonly text: string;

  /** Takes the text as it is: it has to be safe. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What can stand in a template: lists are joined, and all that is not {@linkcode Html} is escaped. */
export type Part = Html | string | number | readonly Part[];

/** A template of HTML. */
export function html(fixed: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(fixed.reduce((text, next, i) => text + partText(parts[i - 1]!) + next));
}

function partText(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(partText).join("");
  return String(part).replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
