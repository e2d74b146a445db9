/** A table of fixed widths, so that each line is printed as soon as it is known. */

export interface Column<Row> {
  readonly title: string;
  readonly width: number;
  readonly align: "left" | "right";
  readonly of: (row: Row) => string;
}

export function left<Row>(title: string, width: number, of: Column<Row>["of"]): Column<Row> {
  return { title, width, align: "left", of };
}

export function right<Row>(title: string, width: number, of: Column<Row>["of"]): Column<Row> {
  return { title, width, align: "right", of };
}

/** Returns the titles, and a line below them. */
export function headerOf<Row>(columns: readonly Column<Row>[]): string {
  const titles = line(columns, ({ title }) => title);
  return `${titles}\n${line(columns, ({ width }) => "-".repeat(width))}`;
}

export function lineOf<Row>(columns: readonly Column<Row>[], row: Row): string {
  return line(columns, ({ of }) => of(row));
}

export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

function line<Row>(columns: readonly Column<Row>[], cell: (column: Column<Row>) => string): string {
  return columns
    .map((column) => {
      const { width, align } = column;
      return align === "left" ? cell(column).padEnd(width) : cell(column).padStart(width);
    })
    .join("  ")
    .trimEnd();
}
