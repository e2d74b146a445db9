/**
 * The input and options of `evaluate`, and their checks. All are checked before anything starts.
 */
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
  /** The samples, at least one. */
  readonly texts: readonly string[];
  /**
   * The samples' token ids, if known, one sequence a text: entropy, diversity and repetition are
   * computed from them.
   */
  readonly tokens?: readonly ArrayLike<number>[] | undefined;
  /** Texts that people wrote, to compare the samples with. */
  readonly references?: readonly string[] | undefined;
  /** Token ids of the references, in the samples' vocabulary. */
  readonly referenceTokens?: readonly ArrayLike<number>[] | undefined;
}

export interface EvaluationOptions {
  /** Computes perplexity and MAUVE, which are left out without a judge. */
  readonly judge?: TextJudge;
  /**
   * Settings of MAUVE: `seeds` of k-means, default 1 to 5, and `scale` of the divergences, default
   * 5. `false` leaves MAUVE out. An object, `{}` too, asks for MAUVE by name: then it is an error
   * if MAUVE cannot be computed. Default: MAUVE with the default settings, where it can be
   * computed.
   */
  readonly mauve?: { readonly seeds?: readonly number[]; readonly scale?: number } | false;
  /** Makes tokens of texts that come without. */
  readonly tokenizer?: Pick<Tokenizer, "encode">;
  /** The words that count as known, as `wordsOf` writes them; `vocabularyOf` makes such a set. */
  readonly vocabulary?: ReadonlySet<string>;
  /**
   * Entropies of the samples in nats, where they are known better than from `tokens`: the
   * original's output has them. They are reported, but compared with nothing, where words stand for
   * tokens or where the tokenizer's tokens have other entropies (by 0.05 nats or more in the mean).
   */
  readonly entropies?: readonly number[];
  /**
   * Receives each measure that fails. The measure is left out, even if it was asked for by name,
   * and the rest is returned. Without `onFailure`, `evaluate` throws the error of a measure that
   * was asked for by name. An abort always ends the evaluation.
   */
  readonly onFailure?: (measure: JudgedMeasure, error: RemdmError) => void;
  readonly signal?: AbortSignal;
  /**
   * Tells progress.
   * @param stage names what is being computed, for people.
   * @param done counts up to `total` within the stage.
   */
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

/** Checks the input and the options. @throws OptionError. */
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

/**
 * Resolves the settings of MAUVE, and says whether MAUVE is asked for by name.
 * @throws OptionError, also where MAUVE is asked for without a judge or references.
 */
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

/** Makes the callback that tells the caller a stage's progress. */
export function progressOf({ onProgress }: EvaluationOptions, stage: string) {
  return (done: number, total: number): void => onProgress?.(stage, done, total);
}

/** Checks what an evaluation asks for answers, and whom it tells. */
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

/**
 * Resolves the settings of MAUVE; returns undefined when MAUVE is to be left out. @throws
 * OptionError.
 */
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
