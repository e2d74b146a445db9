/** The table: a fixed width a column, so that each line is printed as soon as its case is done. */
import type { ParityCase } from "./cases.ts";
import { grouped, headerOf, left, lineOf, right, type Column } from "./columns.ts";
import type { TokenComparison } from "./compare.ts";

export interface Row {
  readonly checkpoint: string;
  readonly case: ParityCase;
  readonly comparison: TokenComparison;
  readonly outputDifference: number;
  readonly forwardCalls: Pair;
  readonly seconds: Pair;
}

interface Pair {
  readonly theirs: number;
  readonly ours: number;
}

const COLUMNS: readonly Column<Row>[] = [
  left("checkpoint", 14, ({ checkpoint }) => checkpoint),
  left("sampler", 16, ({ case: { strategy } }) => strategy.kind),
  right("steps", 5, ({ case: { steps } }) => steps?.toString() ?? "-"),
  right("top-p", 5, ({ case: { topP } }) => topP.toString()),
  right("tokens", 9, ({ comparison }) => grouped(comparison.tokens)),
  right("mismatches", 10, ({ comparison }) => grouped(comparison.mismatches)),
  right("output diff", 11, ({ outputDifference }) => outputDifference.toExponential(1)),
  right("calls: orig", 11, ({ forwardCalls }) => grouped(forwardCalls.theirs)),
  right("ours", 6, ({ forwardCalls }) => grouped(forwardCalls.ours)),
  right("s: orig", 8, ({ seconds }) => seconds.theirs.toFixed(2)),
  right("ours", 8, ({ seconds }) => seconds.ours.toFixed(2)),
];

export function header(): string {
  return headerOf(COLUMNS);
}

export function rowLine(row: Row): string {
  return lineOf(COLUMNS, row);
}

/** Where and how a run left the original's; undefined when it did not. */
export function differenceNote({ comparison, forwardCalls }: Row): string | undefined {
  const { first } = comparison;
  if (first !== undefined) {
    const { state, sample, position, theirs, ours = "nothing" } = first;
    return `  first difference: state ${state}, sample ${sample}, position ${position}: theirs ${theirs}, ours ${ours}`;
  }
  if (forwardCalls.theirs === forwardCalls.ours) return undefined;
  return "  the same tokens from another number of forward calls";
}

export function agrees(row: Row): boolean {
  return differenceNote(row) === undefined;
}

export function summary(rows: readonly Row[]): string {
  const agreeing = rows.filter(agrees).length;
  const tokens = rows.reduce((sum, { comparison }) => sum + comparison.tokens, 0);
  const mismatches = rows.reduce((sum, { comparison }) => sum + comparison.mismatches, 0);
  return `${agreeing} of ${rows.length} runs agree; ${grouped(mismatches)} mismatches in ${grouped(tokens)} tokens`;
}
