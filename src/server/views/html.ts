const markup = Symbol("markup");

/** Text that is already HTML. Only `html` makes it, so no outside text can be mistaken for it. */
export interface Html {
  readonly [markup]: string;
}

/** What a template can hold: text is escaped, `false` and `undefined` are left out. */
export type Part = Html | string | number | false | undefined | readonly Part[];

/** A template whose parts are text unless they are HTML themselves. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { [markup]: String.raw({ raw: texts }, ...parts.map(render)) };
}

/** The HTML as it is sent. */
export function toText(page: Html): string {
  return page[markup];
}

function render(part: Part): string {
  if (part === undefined || part === false) return "";
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return part.replace(/[&<>"']/g, (character) => entities[character] ?? "");
  return isList(part) ? part.map(render).join("") : part[markup];
}

function isList(part: Html | readonly Part[]): part is readonly Part[] {
  return Array.isArray(part);
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
