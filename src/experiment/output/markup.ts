/** Markup: tables in Markdown, and text made harmless for Markdown, HTML and SVG. */

export interface Title {
  readonly title: string;
  /** Whether the column holds words, aligned left; numbers are aligned right. Default false. */
  readonly isText?: boolean;
}

/** Lays out a Markdown table. @param rows in the order of `titles`. @returns its lines. */
export function markdownTable(
  titles: readonly Title[],
  rows: readonly (readonly string[])[],
): string[] {
  const line = (fields: readonly string[]): string => `| ${fields.join(" | ")} |`;
  return [
    line(titles.map(({ title }) => title)),
    line(titles.map(({ isText }) => (isText ? "---" : "---:"))),
    ...rows.map((row) => line(row.map(field))),
  ];
}

function field(text: string): string {
  return oneLine(text).replaceAll("|", "\\|");
}

/** Joins the lines of a text, because a line end would end a table's row. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Escapes a text for HTML and SVG, in an element or in a quoted attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
