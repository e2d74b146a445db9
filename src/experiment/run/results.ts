/**
 * The records that a run keeps of a cell: its result, which depends on nothing but the cell, and
 * the time that it took.
 */
import type { ModelCard } from "../../backend/wire/protocol.ts";
import type { Evaluation } from "../../evaluation/evaluation.ts";
import { isRecord } from "../../foundation/checks.ts";
import { describe } from "./manifest.ts";
import type { PaperRow } from "../file/paper.ts";
import { paperRow } from "./paperRow.ts";
import type { Cell } from "../file/cell.ts";
import type { CellSample } from "./cellSamples.ts";
import { JUDGE_FIELDS, type JudgeShape, type LoadedJudge } from "./services.ts";

/** Fields of the model card that a result repeats, in its order. */
const CARD_FIELDS = ["kind", "parameters", "vocabSize", "length", "weights"] as const;

/** The part of the model card that tables state. */
export type ResultModel = Pick<ModelCard, (typeof CARD_FIELDS)[number]>;

/** A sample of a cell that people may read in the report. */
export interface ExampleText {
  /** Its number in `samples/CELL.jsonl`. */
  readonly sample: number;
  /** Its first characters, at most {@link EXAMPLE_LENGTH}. */
  readonly text: string;
  /** Characters (UTF-16 units) that were cut off the end; absent where the text is whole. */
  readonly cut?: number;
}

/** How many samples a result repeats: the first ones, which nobody chose. */
const EXAMPLES = 3;
/** The most characters of an example: far more than 1,024 tokens have. */
export const EXAMPLE_LENGTH = 12_000;

/** A value as JSON has it: NaN and infinities are null. */
type Plain<T> = T extends number ? number | null : { readonly [Key in keyof T]: Plain<T[Key]> };

/** A line of `results.jsonl`: what a cell is, and what its samples measure. */
export interface CellResult {
  readonly cell: string;
  readonly model: string;
  readonly label: string;
  /** Whether the experiment gives the label. Absent in results of earlier versions. */
  readonly isLabelled?: boolean;
  /** Options of the strategy that the experiment gives. Absent in results of earlier versions. */
  readonly given?: readonly string[];
  readonly steps: number | null;
  readonly eta: number | null;
  readonly topP: number | null;
  readonly seed: number;
  readonly samples: number;
  /** Everything that its samples depend on. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly card: ResultModel;
  /** null: the experiment had no judge. */
  readonly judge: (JudgeShape & { readonly name: string }) | null;
  /** Mean number of network calls that a sample took part in. */
  readonly forwardCalls: number;
  readonly evaluation: Plain<Evaluation>;
  /** The paper's row of the same setting, judged by GPT-2 large; null: the paper has none. */
  readonly paper: PaperRow | null;
  /** The first samples. Absent in results of earlier versions. */
  readonly examples?: readonly ExampleText[];
}

/** Makes the result of a cell. @param samples all of the cell's, in order. */
export function resultOf(
  cell: Cell,
  card: ModelCard,
  samples: readonly CellSample[],
  evaluation: Evaluation,
  judge: Pick<LoadedJudge, "name" | "model"> | undefined,
): CellResult {
  const calls = samples.reduce((sum, { forwardCalls }) => sum + forwardCalls, 0);
  return {
    cell: cell.id,
    model: cell.model,
    label: cell.label,
    isLabelled: cell.isLabelled,
    given: cell.given,
    steps: cell.steps ?? null,
    eta: cell.eta ?? null,
    topP: cell.topP ?? null,
    seed: cell.seed,
    samples: samples.length,
    settings: describe(cell),
    card: picked(card, CARD_FIELDS),
    judge: judge === undefined ? null : { name: judge.name, ...picked(judge.model, JUDGE_FIELDS) },
    forwardCalls: calls / samples.length,
    evaluation,
    paper: paperRow(cell, card) ?? null,
    examples: samples.slice(0, EXAMPLES).map(exampleOf),
  };
}

function exampleOf({ sample, text }: CellSample): ExampleText {
  const kept = firstCharacters(text, EXAMPLE_LENGTH);
  return { sample, text: kept, ...(kept !== text && { cut: text.length - kept.length }) };
}

/** Cuts a text to at most so many characters, and no surrogate pair in half. */
export function firstCharacters(text: string, most: number): string {
  const kept = text.slice(0, most);
  return kept.length < text.length && /[\uD800-\uDBFF]$/.test(kept) ? kept.slice(0, -1) : kept;
}

function picked<T, Key extends keyof T>(from: T, keys: readonly Key[]): Pick<T, Key> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, Key>;
}

/** Checks a line of `results.jsonl`. @throws Error for a value that is not a result. */
export function readResult(value: unknown): CellResult {
  const isResult =
    isRecord(value) &&
    typeof value.cell === "string" &&
    typeof value.forwardCalls === "number" &&
    isRecord(value.settings) &&
    isRecord(value.card) &&
    isRecord(value.evaluation);
  if (isResult) return value as unknown as CellResult;
  throw new Error("a result has cell, settings, card, forwardCalls and evaluation");
}

/** A line of `timings.jsonl`: the seconds that a cell took in the session that finished it. */
export interface Timing {
  readonly cell: string;
  readonly sampling: number;
  readonly evaluating: number;
}

/** Checks a line of `timings.jsonl`. @throws Error for a value that is not a timing. */
export function readTiming(value: unknown): Timing {
  const isTiming =
    isRecord(value) &&
    typeof value.cell === "string" &&
    typeof value.sampling === "number" &&
    typeof value.evaluating === "number";
  if (isTiming) return value as unknown as Timing;
  throw new Error("a timing has cell, sampling and evaluating");
}
