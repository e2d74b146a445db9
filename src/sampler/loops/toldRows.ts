/** Makes the rows that a strategy is told of, and lists what the backend is asked for them. */
import { RemdmError } from "../../foundation/errors.ts";
import type { Row, RowState } from "../definition.ts";
import type { StatisticName, TokenId } from "../denoiser.ts";
import type { Draw } from "../draw/rowSampler.ts";
import { DRAWN_FIELDS, STATISTICS, type RowField } from "../rowFields.ts";

/** What a run needs to know of each row. */
export interface Fields {
  /** What the backend computes. */
  readonly statistics: readonly StatisticName[];
  /** Whether a token is drawn at every row before the strategy selects. */
  readonly drawn: boolean;
  /** Makes a row with statistics. */
  readonly Asked: RowClass;
  /** Makes a row without, for a revealed position that the network was not asked about. */
  readonly Known: RowClass;
}

/** A row as it is made: its numbers are set one by one. */
type WritableRow = { -readonly [Field in keyof Row<RowField>]: Row<RowField>[Field] };
export type RowClass = new (state: RowState) => WritableRow;

/**
 * @param kind of the strategy.
 * @param listed what it reads.
 * @param ranksLast whether the run has tokens that rank last, which takes the token to come.
 */
export function fieldsOf(kind: string, listed: readonly RowField[], ranksLast: boolean): Fields {
  const drawn = DRAWN_FIELDS.some((field) => listed.includes(field));
  const asked = STATISTICS.filter((name) => listed.includes(name));
  const needsArgmax = ranksLast && !drawn && !asked.includes("argmax");
  return {
    statistics: needsArgmax ? [...asked, "argmax"] : asked,
    drawn,
    Asked: rowClass(kind, listed, "without asking for it", (name) => {
      return `List "${name}" in its statistics.`;
    }),
    Known: rowClass(kind, [], "which it was told the state of only", () => {
      return "Let its revealed be true in this step, or read rows that are masked.";
    }),
  };
}

/** Makes a class of rows: reading a number that was not asked for is refused. */
function rowClass(
  kind: string,
  listed: readonly RowField[],
  how: string,
  remedyOf: (name: string) => string,
): RowClass {
  class ToldRow implements RowState {
    readonly position: number;
    readonly token: TokenId;
    readonly masked: boolean;
    readonly uniform: number;
    readonly psi: number;
    readonly logProbability: number;
    suppressed = false;

    constructor({ position, token, masked, uniform, psi, logProbability }: RowState) {
      this.position = position;
      this.token = token;
      this.masked = masked;
      this.uniform = uniform;
      this.psi = psi;
      this.logProbability = logProbability;
    }
  }
  for (const name of [...STATISTICS, ...DRAWN_FIELDS].filter((one) => !listed.includes(one))) {
    Object.defineProperty(ToldRow.prototype, name, {
      get: () => {
        throw new RemdmError(`The strategy ${kind} reads ${name} of a row ${how}`, {
          code: "strategy_invalid",
          remedy: remedyOf(name),
        });
      },
      // What the run alone needs of a row is kept from the strategy.
      set: () => undefined,
    });
  }
  return ToldRow as unknown as RowClass;
}

/** Tells a row of the token that it would become. */
export function tellDrawn(row: WritableRow, { token, logProbability }: Draw): void {
  row.drawn = token;
  row.drawnLogProbability = logProbability;
}
