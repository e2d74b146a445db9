/** Describes the evaluation of a task for people: scores with their errors, and differences. */
import { SCORERS, type ScorerName } from "../../../../evaluation/tasks/scorers.ts";
import type {
  PairedDifference,
  TaskComparison,
  TaskScore,
  TaskScores,
} from "../../../../evaluation/tasks/scores.ts";

export function describeScores({ all, byScorer }: TaskScores): string {
  const row = (name: string, { items, answers, mean, standardError }: TaskScore): string[] => [
    ...[name, String(items), String(answers)],
    `${mean.toFixed(3)}${errorText(standardError)}`,
  ];
  return table([
    ["scorer", "items", "answers", "score"],
    ...rowsOf(byScorer, row),
    row("all", all),
  ]);
}

/** @param path of the answers that these were compared with. */
export function describeComparison({ all, byScorer }: TaskComparison, path: string): string {
  const row = (name: string, one: PairedDifference): string[] => [
    ...[name, String(one.items)],
    `${one.mean < 0 ? "" : "+"}${one.mean.toFixed(3)}${errorText(one.standardError)}`,
    ...[one.better, one.equal, one.worse].map(String),
  ];
  const rows = table([
    ["scorer", "items", "difference", "better", "equal", "worse"],
    ...rowsOf(byScorer, row),
    row("all", all),
  ]);
  return `Difference to ${path}, paired by item:\n${rows}`;
}

function rowsOf<One>(
  byScorer: Readonly<Partial<Record<ScorerName, One>>>,
  row: (name: string, one: One) => string[],
): string[][] {
  const scorers = SCORERS.flatMap((name) => {
    const one = byScorer[name];
    return one === undefined ? [] : [row(name, one)];
  });
  return scorers.length > 1 ? scorers : scorers.slice(0, 1);
}

function errorText(standardError: number): string {
  return Number.isNaN(standardError) ? "" : ` ± ${standardError.toFixed(3)}`;
}

/** Columns of numbers stand on the right, names and what has an error on the left. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isNumber = (column: number): boolean =>
    rows.every((row, i) => i === 0 || /^\d+$/.test(row[column]));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
