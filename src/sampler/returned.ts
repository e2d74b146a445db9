/** Checks what the functions of a definition return, because their code may be anybody's. */
import { RemdmError } from "../foundation/errors.ts";
import { described } from "../foundation/messages.ts";
import { DRAWN_FIELDS, STATISTICS, type RowField } from "./rowFields.ts";

/**
 * Makes the error of a function that returns something else than it may.
 * @param name of the function.
 * @param allowed says what it may return, as a phrase that follows "return".
 * @param where says more of the place: ` in step 3`.
 */
export function wrongReturn(
  kind: string,
  name: string,
  value: unknown,
  allowed: string,
  where = "",
): RemdmError {
  const message = `The strategy ${kind} returns ${described(value)} from its ${name}${where}`;
  return new RemdmError(message, {
    code: "strategy_invalid",
    remedy: `Let its ${name} return ${allowed}.`,
  });
}

/** @throws RemdmError `strategy_invalid` for a value that is no integer in [min, max]. */
export function returnedInteger(
  kind: string,
  name: string,
  value: unknown,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  const isAllowed = Number.isSafeInteger(value) && (value as number) >= min;
  if (isAllowed && (value as number) <= max) return value as number;
  const bounded = max < Number.MAX_SAFE_INTEGER;
  const allowed = bounded ? `an integer in [${min}, ${max}]` : `an integer of at least ${min}`;
  throw wrongReturn(kind, name, value, allowed);
}

/** @throws RemdmError `strategy_invalid` for a list with an unknown name, or with one twice. */
export function returnedFields(kind: string, listed: unknown): readonly RowField[] {
  const known: readonly unknown[] = [...STATISTICS, ...DRAWN_FIELDS];
  const allowed = `a list of different names among ${known.join(", ")}`;
  if (!Array.isArray(listed)) throw wrongReturn(kind, "statistics", listed, allowed);
  const names: readonly unknown[] = listed;
  const stray = names.findIndex((name, i) => !known.includes(name) || names.indexOf(name) < i);
  if (stray < 0) return names as readonly RowField[];
  throw wrongReturn(kind, "statistics", names[stray], allowed, ` as entry ${stray + 1}`);
}
