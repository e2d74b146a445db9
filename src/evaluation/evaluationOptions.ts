/** What `evaluate` takes, and the checks on it: everything is looked at before anything starts. */
import {
  checkFunction,
  checkKeys,
  checkNumber,
  checkOptions,
  checkSignal,
  isRecord,
} from "../foundation/checks.ts";
import { OptionError, type RemdmError } from "../foundation/errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { checkMauveSettings, type ResolvedMauve, type WantedMauve } from "./judge/mauveSettings.ts";
import type { JudgedMeasure } from "./measures/table.ts";
import type { TextJudge } from "./judge/textJudge.ts";

export interface EvaluationInput {
  /** The samples, one at least. */
  readonly texts: readonly string[];
  /** Their token ids, if known, one sequence a text: for entropy, diversity and repetition. */
  readonly tokens?: readonly ArrayLike<number>[] | undefined;
  /** Text that people wrote, to compare with. */
  readonly references?: readonly string[] | undefined;
  /** Token ids of the references, in the samples' vocabulary. */
  readonly referenceTokens?: readonly ArrayLike<number>[] | undefined;
}

export interface EvaluationOptions {
  /** Without one there is neither perplexity nor MAUVE. */
  readonly judge?: TextJudge;
  /**
   * `seeds` of k-means, default 1 to 5; `scale` of the divergences, default 5. `false`: no MAUVE. An object, `{}` too, asks for MAUVE by
   * name: where it cannot be computed, that is an error. Default: MAUVE with the default settings where it can be computed.
   */
  readonly mauve?: { readonly seeds?: readonly number[]; readonly scale?: number } | false;
  /** Makes tokens of texts that have none. */
  readonly tokenizer?: Pick<Tokenizer, "encode">;
  /** Words that count as known, as `wordsOf` writes them: see `vocabularyOf`. */
  readonly vocabulary?: ReadonlySet<string>;
  /** Entropies of the samples in nats, where they are known better than from `tokens`: the original's output has them. Where words stand for tokens, or they are
   * not those of the tokenizer's tokens (to 0.05 nats), they are reported and compared with nothing. */
  readonly entropies?: readonly number[];
  /**
   * Told of each measure that fails: it is left out, though it was asked for by name, and the rest is returned. Not given, `evaluate` throws
   * the error of a measure that was asked for by name. An abort is no such failure.
   */
  readonly onFailure?: (measure: JudgedMeasure, error: RemdmError) => void;
  readonly signal?: AbortSignal;
  /** @param stage what is being computed, a phrase for people; @param done of `total` in this stage. */
  readonly onProgress?: (stage: string, done: number, total: number) => void;
}

const INPUT_KEYS: Readonly<Record<keyof EvaluationInput, true>> = {
  texts: true,
  tokens: true,
  references: true,
  referenceTokens: true,
};

const OPTION_KEYS: Readonly<Record<keyof EvaluationOptions, true>> = {
  judge: true,
  mauve: true,
  tokenizer: true,
  vocabulary: true,
  entropies: true,
  onFailure: true,
  signal: true,
  onProgress: true,
};

/** @throws OptionError. */
export function checkEvaluation(input: EvaluationInput, options: EvaluationOptions): void {
  checkOptions("evaluate", input, INPUT_KEYS, "input");
  checkServices(checkOptions("evaluate", options, OPTION_KEYS));
  const { texts, tokens, references, referenceTokens } = input;
  checkTexts("texts", texts);
  checkCount("tokens", tokens, texts.length, "texts");
  if (references !== undefined) checkTexts("references", references);
  checkCount("referenceTokens", referenceTokens, references?.length ?? 0, "references");
  checkEntropies(options.entropies, texts.length);
}

/** As `resolveMauve`, and whether MAUVE is asked for by name. @throws OptionError, also where it is without what it needs. */
export function wantedMauve(
  { references }: EvaluationInput,
  { mauve, judge }: EvaluationOptions,
): WantedMauve | undefined {
  const resolved = resolveMauve(mauve);
  if (resolved === undefined) return undefined;
  const isNamed = mauve !== undefined;
  if (isNamed && (judge === undefined || references === undefined)) {
    throw new OptionError("mauve", mauve, "undefined or false without a judge and references");
  }
  return { ...resolved, isNamed };
}

/** What tells the caller of a stage's progress. */
export function progressOf({ onProgress }: EvaluationOptions, stage: string) {
  return (done: number, total: number): void => onProgress?.(stage, done, total);
}

/** What an evaluation asks, and whom it tells. */
function checkServices(options: Readonly<Record<string, unknown>>): void {
  const { judge, tokenizer, vocabulary, onFailure, onProgress, signal } = options;
  const asked = "an object with name, likelihoods, features and mauve, as `Judge.launch` gives";
  checkMethods("judge", judge, ["likelihoods", "features", "mauve"], asked);
  checkMethods("tokenizer", tokenizer, ["encode"], "an object with encode");
  checkMethods("vocabulary", vocabulary, ["has"], "a Set of words");
  checkFunction("onFailure", onFailure);
  checkFunction("onProgress", onProgress);
  checkSignal(signal);
}

function checkMethods(
  option: string,
  value: unknown,
  methods: readonly string[],
  allowed: string,
): void {
  if (value === undefined) return;
  const hasAll = isRecord(value) && methods.every((name) => typeof value[name] === "function");
  if (!hasAll) throw new OptionError(option, value, allowed);
}

/** @returns undefined when there is to be none. @throws OptionError. */
export function resolveMauve(mauve: EvaluationOptions["mauve"] = {}): ResolvedMauve | undefined {
  if (mauve === false) return undefined;
  if (!isRecord(mauve)) throw new OptionError("mauve", mauve, "an object or false");
  checkKeys("mauve.", "mauve", mauve, ["seeds", "scale"]);
  return checkMauveSettings(mauve, "mauve.");
}

function checkTexts(option: string, texts: unknown): void {
  const isTexts =
    Array.isArray(texts) && texts.length > 0 && texts.every((text) => typeof text === "string");
  if (!isTexts) throw new OptionError(option, texts, "an array of one text or more");
}

function checkEntropies(entropies: unknown, count: number): void {
  checkCount("entropies", entropies, count, "texts");
  for (const entropy of Array.isArray(entropies) ? (entropies as unknown[]) : []) {
    checkNumber("entropies", entropy, "numbers of nats from 0 on", (nats) => nats >= 0);
  }
}

function checkCount(option: string, values: unknown, count: number, of: string): void {
  if (values === undefined) return;
  const isFitting = Array.isArray(values) && values.length === count;
  if (!isFitting) {
    throw new OptionError(option, values, `an array of ${count}, one for each of ${of}`);
  }
}
