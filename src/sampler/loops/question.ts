/**
 * A question asks the network for the rows of a sample that reveal; the questions of a round share
 * calls.
 */
import type { TopRow } from "../draw/topRow.ts";
import type { Denoiser, ForwardRequest, StatisticsRequest, TopCut } from "../denoiser.ts";
import { isRecord } from "../../foundation/checks.ts";
import { AbortedError, RemdmError } from "../../foundation/errors.ts";
import { counted, described } from "../../foundation/messages.ts";
import type { ActiveSample, Changes } from "./sampleState.ts";
import { networkSigma } from "../schedule.ts";

/** A sample that stands before a step that reveals something. */
export interface Question {
  readonly state: ActiveSample;
  readonly changes: Changes;
  /** t at which the network is asked. */
  readonly time: number;
}

/** A denoiser that offers the top of rows. */
export type WithTop = Denoiser & Required<Pick<Denoiser, "top">>;

export function offersTop(denoiser: Denoiser): denoiser is WithTop {
  return denoiser.top !== undefined;
}

/** An answer of more logits than this (256 MB) is asked for in several calls, where it can be. */
export const MAX_LOGITS = 2 ** 26;

/**
 * Cuts parts of a question into calls that are not too large; a part is never cut.
 * @param rowsOf number of rows that a part asks for.
 */
export function* callsOf<Part>(
  parts: readonly Part[],
  vocabSize: number,
  rowsOf: (part: Part) => number,
): Generator<Part[]> {
  let call: Part[] = [];
  let logits = 0;
  for (const part of parts) {
    const size = rowsOf(part) * vocabSize;
    if (call.length > 0 && logits + size > MAX_LOGITS) {
      yield call;
      call = [];
      logits = 0;
    }
    call.push(part);
    logits += size;
  }
  if (call.length > 0) yield call;
}

/** A state that the network is asked about, as it is before the step at hand. */
interface StateAsked {
  /** [L] tokens; remasks of the step are not carried out yet. */
  readonly tokens: Int32Array;
  /** t at which the network is asked. */
  readonly time: number;
  /** Ascending positions whose rows are asked for. */
  readonly rows: readonly number[];
}

/**
 * Makes one request about several states.
 * @param length of the sequences; what stands beyond it is not sent.
 */
export function requestOf(
  states: readonly StateAsked[],
  length: number,
  cache?: number,
): ForwardRequest {
  const rows = states.flatMap((state, b) => state.rows.map((position) => b * length + position));
  return {
    batch: states.length,
    length,
    tokens: stack(states.map(({ tokens }) => tokens.subarray(0, length))),
    sigma: Float32Array.from(states, ({ time }) => networkSigma(time)),
    rows: Int32Array.from(rows),
    ...(cache !== undefined && { cache }),
  };
}

/**
 * Stacks sequences.
 * @param sequences [B] of the same length L.
 * @returns [B, L], for the denoiser to keep.
 */
export function stack(sequences: readonly Int32Array[]): Int32Array<ArrayBuffer> {
  const { length } = sequences[0];
  const tokens = new Int32Array(sequences.length * length);
  sequences.forEach((sequence, b) => {
    tokens.set(sequence, b * length);
  });
  return tokens;
}

/**
 * Asks for whole rows.
 * @returns [N, V] logits, checked for their number.
 * @throws AbortedError when the signal has fired; RemdmError `denoiser_invalid` for an answer of
 *   the wrong size; whatever the denoiser throws.
 */
export async function ask(
  denoiser: Denoiser,
  request: ForwardRequest,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const logits = await answerOf(denoiser.forward(request, signal), signal);
  return checked(logits, "logits", request.rows.length, denoiser.model.vocabSize);
}

/**
 * Asks for the top of rows.
 * @returns the top of each row, checked for their number.
 * @throws as {@link ask}.
 */
export async function askTop(
  denoiser: WithTop,
  request: ForwardRequest,
  cut: TopCut,
  signal: AbortSignal | undefined,
): Promise<readonly TopRow[]> {
  const tops: unknown = await answerOf(denoiser.top(request, cut, signal), signal);
  const expected = request.rows.length;
  if (!Array.isArray(tops)) {
    throw wrongAnswer(described(tops), `an array with the top of ${counted(expected, "row")}`);
  }
  if (tops.length !== expected) {
    throw wrongAnswer(`the top of ${tops.length} rows`, `${expected}`);
  }
  const stray = tops.findIndex((top) => !isTopRow(top));
  if (stray < 0) return tops as readonly TopRow[];
  const parts = "{ ids: Int32Array, logits: Float32Array, rest: number, logMass: number }";
  throw wrongAnswer(`${partsOf(tops[stray])} as the top of row ${stray}`, parts);
}

function isTopRow(top: unknown): boolean {
  return (
    isRecord(top) &&
    isArrayOf("Int32Array", top.ids) &&
    isArrayOf("Float32Array", top.logits) &&
    typeof top.rest === "number" &&
    typeof top.logMass === "number"
  );
}

/** Describes what came for the top of a row. */
function partsOf(top: unknown): string {
  if (!isRecord(top)) return described(top);
  const { ids, logits, rest, logMass } = top;
  const parts = Object.entries({ ids, logits, rest, logMass });
  return `{ ${parts.map(([name, value]) => `${name}: ${typeOf(value)}`).join(", ")} }`;
}

/**
 * Asks for statistics of rows.
 * @returns [N, k] as {@link Denoiser.statistics}, checked for their number.
 * @throws as {@link ask}; RemdmError `denoiser_invalid` for a denoiser that offers no statistics.
 */
export async function askStatistics(
  denoiser: Denoiser,
  request: StatisticsRequest,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  if (denoiser.statistics === undefined) {
    throw new RemdmError("The denoiser has no `statistics`", {
      code: "denoiser_invalid",
      remedy: "Give it the method `statistics`, which reduces each row to the numbers asked for.",
    });
  }
  const statistics = await answerOf(denoiser.statistics(request, signal), signal);
  return checked(statistics, "statistics", request.rows.length, request.statistics.length);
}

function checked(answer: unknown, what: string, rows: number, width: number): Float32Array {
  const expected = `${rows * width} (${rows} rows of ${width})`;
  if (!isArrayOf("Float32Array", answer)) {
    const came = ArrayBuffer.isView(answer) ? `a ${typeOf(answer)}` : described(answer);
    throw wrongAnswer(came, `a Float32Array of ${expected} ${what}`);
  }
  if (answer.length === rows * width) return answer;
  throw wrongAnswer(`${answer.length} ${what}`, expected);
}

interface Arrays {
  readonly Float32Array: Float32Array;
  readonly Int32Array: Int32Array;
}

/** Tells the type of an array by its tag, because it may come from another realm. */
function isArrayOf<Name extends keyof Arrays>(name: Name, value: unknown): value is Arrays[Name] {
  return typeOf(value) === name;
}

/** Names the type of a value: `Float32Array`, `number`, `undefined`. */
function typeOf(value: unknown): string {
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** @param came and `expected` complete a sentence on what the denoiser answered with. */
function wrongAnswer(came: string, expected: string): RemdmError {
  return new RemdmError(`The denoiser answered with ${came} instead of ${expected}`, {
    code: "denoiser_invalid",
    remedy: "Let each of its calls resolve to what `Denoiser` says, for every row asked for.",
  });
}

/** Tells whether a denoiser refused a request because it was too large. */
export function isTooLarge(error: unknown): boolean {
  return RemdmError.isInstance(error) && error.code === "out_of_memory";
}

async function answerOf<Answer>(
  answer: Promise<Answer>,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    const known = RemdmError.isInstance(error) && error.code === "aborted";
    if (signal?.aborted === true && !known) throw new AbortedError(error);
    throw error;
  }
}
