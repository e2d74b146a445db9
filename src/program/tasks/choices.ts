/** Answers an item of multiple choice by the likelihood of each choice given the prompt. */
import type { ReadChoice } from "../../evaluation/tasks/item.ts";
import type { TaskAnswer } from "../../evaluation/tasks/scores.ts";
import { OptionError } from "../../foundation/errors.ts";
import { longestText } from "../../sampler/blocks.ts";
import type { Denoiser, DenoiserModel, TokenId } from "../../sampler/denoiser.ts";
import { PhiloxNoise } from "../../sampler/draw/noise.ts";
import { unknownError } from "../../tokenizer/errors.ts";
import type { UnknownPiece } from "../../tokenizer/tokenizer.ts";
import type { Remdm } from "../remdm.ts";
import { likelihoodOf } from "./likelihood.ts";

export interface ChoiceOptions {
  readonly likelihoodSamples: number;
  readonly choiceScore: "total" | "per-character";
  readonly seed: bigint;
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
}

type Asked = ReadChoice & { readonly id: string; readonly prompt: string };

/** The tokens of an item's prompt and of its choices. */
export interface SplitChoices {
  readonly prompt: readonly TokenId[];
  readonly choices: readonly (readonly TokenId[])[];
}

/**
 * Computes the likelihood of each choice. All choices, and every evaluation of the same seed, have
 * the same noise, so that differences between them are paired.
 * @param split of {@link splitChoices}.
 * @param place of the item in its task, counted from 0.
 * @throws AbortedError; what the network throws.
 */
export async function answerChoice(
  denoiser: Denoiser,
  { id, choices, expected }: Asked,
  split: SplitChoices,
  place: number,
  { likelihoodSamples, choiceScore, seed, batchSize, signal }: ChoiceOptions,
): Promise<TaskAnswer> {
  const noise = new PhiloxNoise(seed);
  const logLikelihoods: number[] = [];
  const standardErrors: number[] = [];
  for (const tokens of split.choices) {
    const bound = await likelihoodOf(denoiser, split.prompt, tokens, {
      ...{ samples: likelihoodSamples, batchSize, signal },
      noise: {
        start: () => noise.position(place, START_STEP, 0),
        position: (set, position) => noise.position(place, set, position),
      },
    });
    logLikelihoods.push(bound.value);
    standardErrors.push(bound.standardError);
  }
  const scores = logLikelihoods.map((log, i) =>
    choiceScore === "total" ? log : log / Array.from(choices[i]).length,
  );
  const chosen = scores.indexOf(Math.max(...scores));
  return {
    ...{ id, repeat: 0, scorer: "choice", answer: choices[chosen] },
    ...{ score: chosen === expected ? 1 : 0, logLikelihoods, standardErrors },
  };
}

/** The address of the number that sizes begin with: a step that no set has. */
const START_STEP = 2 ** 32 - 1;

/**
 * Encodes each choice together with the prompt, because a tokenizer may join the two. The tokens
 * that all of them begin with, as the prompt alone does, are the prompt; what follows is the
 * choice.
 * @throws OptionError for a choice without tokens, or too long for the model; TokenizerError
 *   `tokenizer_unknown`.
 */
export async function splitChoices(
  { id, prompt, choices }: Asked,
  { denoiser, tokenizer }: Pick<Remdm, "denoiser" | "tokenizer">,
): Promise<SplitChoices> {
  const unknown: UnknownPiece[] = [];
  const encode = (text: string): Promise<readonly TokenId[]> =>
    tokenizer.encode(text, { onUnknown: (piece) => unknown.push(piece) });
  const whole = await Promise.all(choices.map((choice) => encode(prompt + choice)));
  const alone = await encode(prompt);
  if (unknown.length > 0) throw unknownError(tokenizer.name, unknown[0]);
  const shared = Math.min(...whole.map((tokens) => sharedLength(alone, tokens)));
  const split = {
    prompt: alone.slice(0, shared),
    choices: whole.map((tokens) => tokens.slice(shared)),
  };
  split.choices.forEach(({ length }, i) => {
    checkFit(id, choices[i], split.prompt.length + length, denoiser.model);
  });
  const empty = split.choices.findIndex(({ length }) => length === 0);
  if (empty < 0) return split;
  throw new OptionError("choices", choices[empty], {
    message: `The item ${JSON.stringify(id)} has a choice without tokens: ${JSON.stringify(choices[empty])}`,
    remedy: "Give each choice a text that the tokenizer does not drop.",
  });
}

function sharedLength(a: readonly TokenId[], b: readonly TokenId[]): number {
  const other = a.findIndex((token, i) => token !== b[i]);
  return other < 0 ? a.length : other;
}

function checkFit(id: string, choice: string, length: number, model: DenoiserModel): void {
  const begun = model.kind === "ar" && model.bosId !== undefined ? length + 1 : length;
  const most = model.kind === "ar" ? model.length + 1 : longestText(model); // the last is not asked about
  if (begun <= most) return;
  throw new OptionError("choices", choice, {
    message: `The item ${JSON.stringify(id)} has ${length} tokens with its choice; the model takes at most ${most - begun + length}`,
    remedy: "Shorten its prompt or its choices.",
  });
}
