/** A line of `results.jsonl`: what a cell is and what came out. Nothing in it depends on when or how often it was made. */
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

/** What a table says of a model. */
export type ResultModel = Pick<ModelCard, (typeof CARD_FIELDS)[number]>;

/** A sample of a cell, for people to read. */
export interface ExampleText {
  /** Its number in `samples/CELL.jsonl`. */
  readonly sample: number;
  /** At most {@link EXAMPLE_LENGTH} characters of it. */
  readonly text: string;
  /** Characters (UTF-16 units) that were cut off its end; absent where it is whole. */
  readonly cut?: number;
}

/** The first of each cell: nobody chose them. */
const EXAMPLES = 3;
/** Far more than a text of 1,024 tokens has; a semi-autoregressive one may have more. */
export const EXAMPLE_LENGTH = 12_000;

/** NaN and infinities are null, as JSON has them. */
type Plain<T> = T extends number ? number | null : { readonly [Key in keyof T]: Plain<T[Key]> };

export interface CellResult {
  readonly cell: string;
  readonly model: string;
  readonly label: string;
  readonly steps: number | null;
  readonly eta: number | null;
  readonly topP: number | null;
  readonly seed: number;
  readonly samples: number;
  /** All that makes its samples. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly card: ResultModel;
  /** null: there was none. */
  readonly judge: (JudgeShape & { readonly name: string }) | null;
  /** Calls of the network that a sample takes part in, on average. */
  readonly forwardCalls: number;
  readonly evaluation: Plain<Evaluation>;
  /** The paper's row of the same setting; its MAUVE and perplexity are by GPT-2 large. */
  readonly paper: PaperRow | null;
  /** The first samples. Absent in results of earlier versions. */
  readonly examples?: readonly ExampleText[];
}

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

/** No half of a surrogate pair stays at the end. */
export function firstCharacters(text: string, most: number): string {
  const kept = text.slice(0, most);
  return kept.length < text.length && /[\uD800-\uDBFF]$/.test(kept) ? kept.slice(0, -1) : kept;
}

function picked<T, Key extends keyof T>(from: T, keys: readonly Key[]): Pick<T, Key> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, Key>;
}

/** @throws Error for what is no result. */
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

/** A line of `timings.jsonl`: seconds that the session spent on a cell that finished it. */
export interface Timing {
  readonly cell: string;
  readonly sampling: number;
  readonly evaluating: number;
}

/** @throws Error for what is none. */
export function readTiming(value: unknown): Timing {
  const isTiming =
    isRecord(value) &&
    typeof value.cell === "string" &&
    typeof value.sampling === "number" &&
    typeof value.evaluating === "number";
  if (isTiming) return value as unknown as Timing;
  throw new Error("a timing has cell, sampling and evaluating");
}
