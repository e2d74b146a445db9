/** The tables of the comparison with published samplers: what was compared, and what was not. */
import { grouped, headerOf, left, lineOf, right, type Column } from "./columns.ts";
import type { FirstDifference } from "./compare.ts";

/** Chances and times agree to this: the published ones are float32. */
export const TOLERANCE = 1e-6;

/** The cases of one published sampler that one strategy of ours samples again. */
export interface PeerRow {
  readonly peer: string;
  readonly revision: string;
  /** Kind of the strategy. */
  readonly strategy: string;
  readonly cases: number;
  /** Over all states that both are asked about, and the results. */
  readonly tokens: number;
  readonly mismatches: number;
  /** Calls of the network. */
  readonly calls: { readonly theirs: number; readonly ours: number };
  /** The largest difference of chances and times; undefined where none are compared. */
  readonly apart?: number;
  /** Of each case that does not agree: which one, and where it parts. */
  readonly notes: readonly string[];
}

/** Cases of a published sampler that cannot be said in our words. */
export interface LeftOut {
  readonly peer: string;
  readonly reason: string;
  readonly cases: number;
}

const COLUMNS: readonly Column<PeerRow>[] = [
  left("peer", 15, ({ peer }) => peer),
  left("revision", 8, ({ revision }) => revision.slice(0, 8)),
  left("strategy", 15, ({ strategy }) => strategy),
  right("cases", 5, ({ cases }) => grouped(cases)),
  right("tokens", 7, ({ tokens }) => grouped(tokens)),
  right("mismatches", 10, ({ mismatches }) => grouped(mismatches)),
  right("calls: theirs", 13, ({ calls }) => grouped(calls.theirs)),
  right("ours", 5, ({ calls }) => grouped(calls.ours)),
  right("numbers diff", 12, ({ apart }) => apart?.toExponential(1) ?? "-"),
];

const LEFT_OUT: readonly Column<LeftOut>[] = [
  left("peer", 15, ({ peer }) => peer),
  right("cases", 5, ({ cases }) => grouped(cases)),
  left("not comparable", 14, ({ reason }) => reason),
];

export function peerHeader(): string {
  return headerOf(COLUMNS);
}

/** Returns the row's line, and below it a line for each case that does not agree. */
export function peerLines(row: PeerRow): string {
  return [lineOf(COLUMNS, row), ...row.notes.map((text) => `  ${text}`)].join("\n");
}

export function leftOutTable(rows: readonly LeftOut[]): string {
  return [headerOf(LEFT_OUT), ...rows.map((row) => lineOf(LEFT_OUT, row))].join("\n");
}

/** Words where two runs part. */
export function partingNote(first: FirstDifference): string {
  const { state, position, theirs, ours = "nothing" } = first;
  return `state ${state}, position ${position}: theirs ${theirs}, ours ${ours}`;
}

export function peerSummary(rows: readonly PeerRow[], leftOut: readonly LeftOut[]): string {
  const sum = (count: (row: PeerRow) => number): number =>
    rows.reduce((total, row) => total + count(row), 0);
  const cases = sum((row) => row.cases);
  const agreeing = cases - sum(({ notes }) => notes.length);
  const others = leftOut.reduce((total, row) => total + row.cases, 0);
  const mismatches = grouped(sum((row) => row.mismatches));
  const tokens = sum((row) => row.tokens);
  return (
    `${agreeing} of ${cases} compared cases agree; ${mismatches} mismatches in ` +
    `${grouped(tokens)} tokens; ${others} not comparable`
  );
}
