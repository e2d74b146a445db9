/** Makes the rows that a strategy is told of, and lists what the backend is asked for them. */
import { RemdmError } from "../../foundation/errors.ts";
import type { Row, RowState } from "../definition.ts";
import type { StatisticName, TokenId } from "../denoiser.ts";
import { invalidRow, type Draw, type RowAddress } from "../draw/rowAddress.ts";
import { DRAWN_FIELDS, STATISTICS, type RowField } from "../rowFields.ts";

/** What a run needs to know of each row. */
export interface Fields {
  /** What the backend computes. */
  readonly statistics: readonly StatisticName[];
  /** Whether a token is drawn at every row before the strategy selects. */
  readonly drawn: boolean;
  /** Whether the likeliest token, which comes, is told as the one that is drawn. */
  readonly likeliest: boolean;
  /** Makes a row with statistics. */
  readonly Asked: RowClass;
  /** Makes a row without, for a revealed position that the network was not asked about. */
  readonly Known: RowClass;
}

/** A row as it is made: its numbers are set one by one. */
type WritableRow = { -readonly [Field in keyof Row<RowField>]: Row<RowField>[Field] };
export type RowClass = new (state: RowState) => WritableRow;

/** What a run has that decides what is asked for. */
interface Asks {
  /** Whether it has tokens that rank last, which takes the token to come. */
  readonly ranksLast: boolean;
  /** Whether the likeliest token always comes, and two statistics say which and how likely. */
  readonly takesLikeliest: boolean;
}

/**
 * @param kind of the strategy.
 * @param listed what it reads.
 */
export function fieldsOf(
  kind: string,
  listed: readonly RowField[],
  { ranksLast, takesLikeliest }: Asks,
): Fields {
  const readsDrawn = DRAWN_FIELDS.some((field) => listed.includes(field));
  const likeliest = readsDrawn && takesLikeliest;
  const drawn = readsDrawn && !likeliest;
  const more = [...(likeliest ? ["max"] : []), ...(likeliest || ranksLast ? ["argmax"] : [])];
  return {
    statistics: STATISTICS.filter((name) => {
      return listed.includes(name) || (!drawn && more.includes(name));
    }),
    drawn,
    likeliest,
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

/** What is known of a row. */
interface Known {
  readonly at: RowAddress;
  /** In the order of the statistics that were asked for. */
  readonly numbers: Float32Array;
  /** The token that was drawn; undefined: none was. */
  readonly draw: Draw | undefined;
  readonly suppressed: ReadonlySet<TokenId>;
}

/** Tells a row what is known of it. @throws RemdmError `denoiser_invalid` for no distribution. */
export function tellRow(
  row: WritableRow,
  { statistics, likeliest }: Fields,
  { at, numbers, draw, suppressed }: Known,
): void {
  statistics.forEach((name, k) => {
    const value = numbers[k];
    if (!(value < Infinity)) throw invalidRow(at, `has ${value} as its ${name}`);
    if (name === "argmax") row.suppressed = suppressed.has(value);
    if (likeliest && name === "argmax") row.drawn = value;
    if (likeliest && name === "max") row.drawnLogProbability = value;
    row[name] = value;
  });
  if (draw === undefined) return;
  row.drawn = draw.token;
  row.drawnLogProbability = draw.logProbability;
  row.suppressed = suppressed.has(draw.token);
}
