/** Finds the tokenizer that belongs to a model. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { packagePath } from "../foundation/packageRoot.ts";
import { checkText } from "../foundation/checks.ts";
import type { DenoiserModel } from "../sampler/denoiser.ts";
import { TokenizerError } from "./errors.ts";
import { loadGpt2 } from "./gpt2.ts";
import { loadHuggingFace } from "./huggingFace.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { MERGES, VOCABULARY } from "./vocabularyFiles.ts";

/** The file that a tokenizer is read from; of a directory with both, the first. */
const FILE_NAMES = ["tokenizer.json", VOCABULARY];
/** The vocabulary size of the published checkpoints: GPT-2's tokens and the mask. */
const GPT2_MODEL_VOCABULARY = 50258;
/**
 * Names the models that come with this package. They share a tokenizer; their vocabulary is its
 * tokens and the mask.
 */
const BUNDLED_MODELS = /^demo(-ar|-sedd)?$/;
const BUNDLED_VOCABULARY = 4097;

/**
 * Loads a tokenizer.
 * @param source `gpt2`, `demo`, or the path of a `tokenizer.json`, of a `vocab.json` with
 * `merges.txt` beside it, or of the directory of either.
 * @throws OptionError; TokenizerError tokenizer_invalid.
 */
export async function loadTokenizer(source: string): Promise<Tokenizer> {
  checkText("source", source, "gpt2, demo, or the path of a tokenizer.json");
  if (source === "gpt2") return loadGpt2();
  const path = source === "demo" ? packagePath("checkpoints", "demo") : source;
  return loadHuggingFace(isDirectory(path) ? (fileIn(path) ?? join(path, "tokenizer.json")) : path);
}

/**
 * Loads the tokenizer that lies beside a checkpoint, a file or a directory; undefined when there is
 * none.
 */
export async function tokenizerBeside(checkpoint: string): Promise<Tokenizer | undefined> {
  const path = besideCheckpoint(checkpoint);
  return path === undefined ? undefined : loadHuggingFace(path);
}

/**
 * Returns the path of the tokenizer's file beside a checkpoint, or undefined when there is none.
 */
export function besideCheckpoint(checkpoint: string): string | undefined {
  return fileIn(isDirectory(checkpoint) ? checkpoint : dirname(checkpoint));
}

/** A `vocab.json` alone, without `merges.txt`, is of a kind that is not read. */
function fileIn(directory: string): string | undefined {
  const found = FILE_NAMES.find((name) => existsSync(join(directory, name)));
  if (found === undefined) return undefined;
  return found === VOCABULARY && !existsSync(join(directory, MERGES))
    ? undefined
    : join(directory, found);
}

/** The facts about its model that a running backend tells. */
export interface NamedModel extends Pick<DenoiserModel, "vocabSize"> {
  /** The last part of the checkpoint's path. */
  readonly name?: string;
}

/**
 * Loads the tokenizer of a model that brings no tokenizer along: GPT-2's when the size fits, and
 * the bundled models' own when name and size fit.
 * @throws TokenizerError tokenizer_invalid when no tokenizer fits.
 */
export async function tokenizerFor({ vocabSize, name = "" }: NamedModel): Promise<Tokenizer> {
  if (vocabSize === GPT2_MODEL_VOCABULARY) return loadGpt2();
  if (BUNDLED_MODELS.test(name) && vocabSize === BUNDLED_VOCABULARY) return loadTokenizer("demo");
  throw new TokenizerError(
    "tokenizer_invalid",
    `No tokenizer is known for this model, whose vocabulary has ${vocabSize} tokens`,
    "Pass `tokenizer`: the path of its tokenizer.json. One beside the checkpoint is found by itself.",
  );
}

/**
 * A model whose card says where it comes from. A model of Hugging Face may have columns that belong
 * to no token.
 */
export type CheckedModel = Pick<DenoiserModel, "vocabSize" | "maskId"> & {
  readonly format?: string;
};

/**
 * The most columns that padding adds to any vocabulary. Embeddings are padded to a multiple of 64
 * or 128 (ModernBERT's 50,280 tokens to 50,368 columns, LLaDA's 126,349 to 126,464).
 */
const PADDING = 128;
/**
 * The most columns that padding adds to a large vocabulary. There the multiple is one for each of
 * several devices (Dream's and Qwen2.5's 151,667 tokens to 152,064 columns, Pythia's 50,277 to
 * 50,688), or tokens were left unused (Phi-2's 50,295 of 51,200). It stays below the distance of
 * vocabularies that are mixed up: BERT's cased and uncased ones are 1,526 apart.
 */
const LARGE_PADDING = 1024;
/** A vocabulary is large if it is at least this many times as large as its padding. */
const LARGE = 32;

/**
 * Whether padding explains the columns that belong to no token; else the tokenizer is another
 * model's.
 */
function isPadding(tokens: number, columns: number): boolean {
  const excess = columns - tokens;
  return excess >= 0 && excess <= Math.max(PADDING, Math.min(LARGE_PADDING, tokens / LARGE));
}

/**
 * Refuses a tokenizer of another vocabulary, whose text would be gibberish. The mask lies inside
 * the tokenizer, or is the one token that the model has beyond it.
 * @throws TokenizerError tokenizer_mismatch.
 */
export function checkTokenizer(tokenizer: Tokenizer, model: CheckedModel): void {
  const { name, vocabSize: size } = tokenizer;
  const { vocabSize, maskId } = model;
  const padded = model.format === "huggingface" && maskId < size && isPadding(size, vocabSize);
  const fits = size === vocabSize || (size === vocabSize - 1 && maskId === size) || padded;
  if (fits) return;
  throw new TokenizerError(
    "tokenizer_mismatch",
    `The tokenizer ${name} has ${size} tokens, the model ${vocabSize} of which ${maskId} is the mask`,
    model.format === "huggingface"
      ? "Pass the tokenizer.json that was published with the model: its embedding has some columns more than that has tokens, at most."
      : `Pass the tokenizer that the model was trained with: one of ${vocabSize - 1} tokens (${vocabSize} with the mask).`,
  );
}

/**
 * Refuses a tokenizer of another vocabulary for a judge, which has no mask.
 * @throws TokenizerError tokenizer_mismatch.
 */
export function checkJudgeTokenizer(tokenizer: Tokenizer, model: CheckedModel): void {
  const { name, vocabSize } = tokenizer;
  if (model.format !== "huggingface") {
    checkTokenizer(tokenizer, model);
  } else if (!isPadding(vocabSize, model.vocabSize)) {
    throw new TokenizerError(
      "tokenizer_mismatch",
      `The tokenizer ${name} has ${vocabSize} tokens, the judge ${model.vocabSize}`,
      "Put the tokenizer.json that belongs to the judge beside it, or name it with `tokenizer`.",
    );
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
