/** Checks what a strategy of the ask-first shape selects, because its code may be anybody's. */
import { isRecord } from "../../foundation/checks.ts";
import { RemdmError } from "../../foundation/errors.ts";
import { quoted } from "../../foundation/messages.ts";
import type { RowState, Selection } from "../definition.ts";

export interface CheckedSelection {
  /** Ascending positions that become masks, including positions to be redrawn. */
  readonly masks: readonly number[];
  /** Ascending positions that become tokens. */
  readonly tokens: readonly number[];
}

/** Whether each position that a strategy is told of is masked. */
export type Places = Map<number, boolean>;

/** Notes what a strategy is told of, before it has the rows in its hands. */
export function placesOf(rows: readonly RowState[]): Places {
  return new Map(rows.map(({ position, masked }) => [position, masked]));
}

/** As messages show it; an object of anybody's may have no text of its own. */
function shown(position: unknown): string {
  if (typeof position === "number") return String(position);
  return typeof position === "string" ? quoted(position) : typeof position;
}

const LISTS: readonly string[] = ["reveal", "remask", "redraw"] satisfies (keyof Selection)[];

/**
 * @param step index of the step, for messages.
 * @param places what the strategy was told of; what it names is taken out.
 * @throws RemdmError `strategy_invalid` for a position that was not among the rows, is named twice,
 *   or is not masked (`reveal`) or not revealed (`remask`, `redraw`); for a key that is none of the
 *   three, and for a promise.
 */
export function checkSelection(
  kind: string,
  step: number,
  selection: unknown,
  places: Places,
): CheckedSelection {
  const refuse = refusal(kind, step);
  const remedy = "Let its select return { reveal, remask, redraw }; each list may be left out.";
  if (!isRecord(selection)) throw refuse("selects nothing", remedy);
  if ("then" in selection) {
    throw refuse("selects asynchronously", "Let its select return what it selects, not a promise.");
  }
  const stray = Object.keys(selection).find((key) => !LISTS.includes(key));
  if (stray !== undefined) throw refuse(`has ${quoted(stray)} in what it selects`, remedy);
  const read = (name: "reveal" | "remask" | "redraw", masked: boolean): number[] => {
    const { [name]: positions = [] } = selection;
    if (!Array.isArray(positions)) {
      throw refuse(`has a ${name} that is no array`, `Let its select return positions in ${name}.`);
    }
    // A hole in an array is a position too: undefined, which is none.
    return Array.from(positions, (position: unknown) => {
      if (typeof position !== "number" || places.get(position) !== masked) {
        const which = masked ? "masked" : "revealed";
        throw refuse(
          `names position ${shown(position)} in ${name}`,
          `Name each of the rows' ${which} positions once at most.`,
        );
      }
      places.delete(position);
      return position;
    });
  };
  const ascending = (a: number, b: number): number => a - b;
  const reveal = read("reveal", true);
  const remask = read("remask", false);
  const redraw = read("redraw", false);
  return {
    masks: [...remask, ...redraw].sort(ascending),
    tokens: [...reveal, ...redraw].sort(ascending),
  };
}

type Refuse = (what: string, remedy: string) => RemdmError;

function refusal(kind: string, step: number): Refuse {
  return (what, remedy) =>
    new RemdmError(`The strategy ${kind} ${what} in step ${step}`, {
      code: "strategy_invalid",
      remedy,
    });
}

/**
 * Checks what a strategy remasks before the network is asked.
 * @returns ascending positions.
 * @throws RemdmError `strategy_invalid`, as {@link checkSelection}.
 */
export function checkRemasks(
  kind: string,
  step: number,
  remask: unknown,
  places: Places,
): readonly number[] {
  if (!Array.isArray(remask)) {
    throw refusal(kind, step)(
      "has a remaskFirst that returns no array",
      "Let it return the positions that become masks.",
    );
  }
  return checkSelection(kind, step, { remask: remask as unknown }, places).masks;
}
