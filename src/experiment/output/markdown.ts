/** Tables in Markdown. */

export interface Title {
  readonly title: string;
  /** Numbers stand at the right. Default false. */
  readonly isText?: boolean;
}

/** @param rows in the order of `titles`. @returns lines. */
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

/** A line end would end the row. */
function field(text: string): string {
  return oneLine(text).replaceAll("|", "\\|");
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
