/**
 * A judge is a language model that says how likely texts are (generative perplexity) and how much
 * they are like human texts (MAUVE). A Python process holds it, in the same way as a network to
 * sample from. Texts become tokens here, so that Python needs no tokenizer.
 */
import { launchBackend, type Backend } from "../../backend/backend.ts";
import { ProtocolError } from "../../backend/errors.ts";
import type { EvaluatedReply, ModelCard, Reply, Runtime } from "../../backend/wire/protocol.ts";
import { findPython } from "../../backend/process/python.ts";
import { describeTensors, isOfShape, type Tensor } from "../../backend/wire/tensors.ts";
import type { Question } from "../../backend/connection/transport.ts";
import { AbortedError, OptionError } from "../../foundation/errors.ts";
import {
  checkJudgeTokenizer,
  loadTokenizer,
  tokenizerBeside,
  tokenizerFor,
} from "../../tokenizer/load.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { resolveJudge, type JudgeOptions } from "./judgeOptions.ts";
import { checkMauve, mauveTensors } from "./mauveRequest.ts";
import { MAUVE_LEAST_TEXTS } from "./mauveSettings.ts";
import {
  checkCallOptions,
  checkTexts,
  type Features,
  type JudgeCallOptions,
  type Likelihood,
  type MauveOptions,
  type TextJudge,
} from "./textJudge.ts";

export type * from "./textJudge.ts";
export type { JudgeOptions } from "./judgeOptions.ts";

/** The vocabulary size of GPT-2, which has no mask. */
const GPT2_VOCABULARY = 50257;

interface Limits {
  /** How many tokens of a text are looked at. */
  readonly maxLength: number;
  /** How many texts one request holds. */
  readonly batchSize: number;
}

export class Judge implements TextJudge, AsyncDisposable {
  /** The file or directory name of the model. */
  readonly name: string;
  readonly mauveLeastTexts: number = MAUVE_LEAST_TEXTS;
  readonly model: ModelCard;
  readonly runtime: Runtime;
  readonly #backend: Backend;
  readonly #tokenizer: Tokenizer;
  readonly #limits: Limits;

  private constructor(backend: Backend, tokenizer: Tokenizer, limits: Limits) {
    this.#backend = backend;
    this.#tokenizer = tokenizer;
    this.#limits = limits;
    this.model = backend.ready.model;
    this.runtime = backend.ready.runtime;
    this.name = this.model.name;
  }

  /**
   * Starts a Python process with the model and waits until it is loaded. A failed start leaves no
   * process behind. End the judge with `close`, or declare it with `await using`.
   * @throws OptionError, CheckpointError (checkpoint_unsupported for a model that predicts no next
   * token), BackendError, TokenizerError, AbortedError.
   */
  static async launch(options: JudgeOptions = {}): Promise<Judge> {
    const { launch, tokenizer: named, maxLength, batchSize } = resolveJudge(options);
    const python = findPython(launch.python).path;
    const known = await givenTokenizer(named, launch.checkpoint);
    const backend = await launchBackend({ ...launch, python, judge: true }, launch);
    try {
      const { model } = backend.ready;
      const tokenizer = known ?? (await judgeTokenizer(model));
      checkJudgeTokenizer(tokenizer, model);
      const longest = maxLength ?? Math.min(1024, model.length);
      return new Judge(backend, tokenizer, { batchSize, maxLength: longest });
    } catch (error) {
      await backend.close();
      throw error;
    }
  }

  /**
   * Computes the likelihood of each text as the original's `compute_generative_perplexity` does: in
   * the judge's own tokens, cut to `maxLength`. A token counts when another precedes it in its text
   * (or chunk). Of the tokens that end a text only the first counts; other tokens count also after
   * it.
   * @throws OptionError, BackendError (backend_closed, out_of_memory, ...), AbortedError.
   */
  likelihoods(texts: readonly string[], options: JudgeCallOptions = {}): Promise<Likelihood[]> {
    const { eosId } = this.#tokenizer;
    const eos = eosId === undefined ? {} : { eos: eosId };
    return this.#eachPortion(texts, options, async (portion) => {
      const { maxLength } = this.#limits;
      const unknown = portion.map(() => 0);
      const encoded = await Promise.all(
        portion.map((text, i) => this.#encode(text, maxLength, () => unknown[i]++)),
      );
      const question = { type: "likelihood", ...eos } as const;
      const tensors = await this.#ask(question, textTensors(encoded), options);
      const [nats, counted] = tensors;
      if (
        tensors.length !== 2 ||
        !(nats.dtype === "float64" && isOfShape(nats, [portion.length])) ||
        !(counted.dtype === "int32" && isOfShape(counted, [portion.length]))
      ) {
        throw unexpected("likelihood", tensors);
      }
      return portion.map((_, i) => ({
        nats: nats.data[i],
        tokens: counted.data[i],
        ...(unknown[i] > 0 && { unknownPieces: unknown[i] }),
      }));
    });
  }

  /**
   * Computes the features that mauve-text takes: the last hidden state, after the final norm, at
   * the last token of each text, which is cut to `maxLength` or the model's limit. mauve-text
   * leaves empty texts out; here an empty text has the vector of the token that begins a text.
   * @throws OptionError (for an empty text, where the tokenizer has no such token), BackendError,
   * AbortedError.
   */
  async features(texts: readonly string[], options: JudgeCallOptions = {}): Promise<Features> {
    const width = this.model.hiddenSize;
    const most = Math.min(this.#limits.maxLength, this.model.length);
    const rows = await this.#eachPortion(texts, options, async (portion, first) => {
      const encoded = await Promise.all(
        portion.map(async (text, i) => this.#notEmpty(await this.#encode(text, most), first + i)),
      );
      const tensors = await this.#ask({ type: "features" }, textTensors(encoded), options);
      const [vectors] = tensors;
      if (
        tensors.length !== 1 ||
        !(vectors.dtype === "float32" && isOfShape(vectors, [portion.length, width]))
      ) {
        throw unexpected("features", tensors);
      }
      return portion.map((_, i) => vectors.data.subarray(i * width, (i + 1) * width));
    });
    const data = new Float32Array(rows.length * width);
    rows.forEach((row, i) => {
      data.set(row, i * width);
    });
    return { rows: rows.length, width, data };
  }

  /**
   * Computes MAUVE of samples `q` against references `p`, both {@link features} of one judge, at
   * least 20 of each. It runs `compute_mauve` of the Python package mauve-text, which is under the
   * GPL and which each user installs. Its scores are passed on as they are, also where both
   * histograms are equal and the score depends on the CPU: then `onTie` is called.
   * @throws OptionError for too few texts, BackendError package_missing (with the command that
   * installs it), AbortedError.
   */
  async mauve(
    p: Features,
    q: Features,
    options: MauveOptions & JudgeCallOptions,
  ): Promise<number[]> {
    const { seeds, settings } = checkMauve(options);
    const tensors = mauveTensors(p, q);
    const scores: number[] = [];
    // One request a seed gives progress, and leaves little to wait for after an abort.
    for (const seed of seeds) {
      const question = { type: "mauve", seed, ...settings } as const;
      const answer = await this.#ask(question, tensors, options);
      const [score, tied] = answer;
      if (
        answer.length !== 2 ||
        !(score.dtype === "float64" && isOfShape(score, [1])) ||
        !(tied.dtype === "int32" && isOfShape(tied, [1]))
      ) {
        throw unexpected("mauve", answer);
      }
      scores.push(score.data[0]);
      if (tied.data[0] === 1) options.onTie?.(seed);
      options.onProgress?.(scores.length, seeds.length);
    }
    return scores;
  }

  /**
   * Ends the judge; pending calls reject with BackendError backend_closed. Resolves when the
   * process is gone. It may be called any number of times.
   */
  close(): Promise<void> {
    return this.#backend.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Has `judge` work on the texts a portion at a time, and returns its results in the order of the
   * texts.
   */
  async #eachPortion<T>(
    texts: readonly string[],
    options: JudgeCallOptions,
    judge: (portion: readonly string[], first: number) => Promise<readonly T[]>,
  ): Promise<T[]> {
    checkTexts(texts);
    checkCallOptions(options);
    const { signal, onProgress } = options;
    const results: T[] = [];
    while (results.length < texts.length) {
      if (signal?.aborted) throw new AbortedError(signal.reason);
      const first = results.length;
      results.push(...(await judge(texts.slice(first, first + this.#limits.batchSize), first)));
      onProgress?.(results.length, texts.length);
    }
    return results;
  }

  async #encode(text: string, most: number, onUnknown?: () => void): Promise<number[]> {
    const options = { whole: true, ...(onUnknown && { onUnknown }) };
    return (await this.#tokenizer.encode(text, options)).slice(0, most);
  }

  #notEmpty(tokens: number[], index: number): number[] {
    if (tokens.length > 0) return tokens;
    const { bosId, eosId } = this.#tokenizer;
    const begin = bosId ?? eosId; // most models begin a text with the token that ended the last one
    if (begin !== undefined) return [begin];
    throw new OptionError(
      `texts[${index}]`,
      "",
      "a text of at least one token, because this judge has none that begins a text",
    );
  }

  async #ask(
    question: Question,
    tensors: readonly Tensor[],
    { signal }: JudgeCallOptions,
  ): Promise<readonly Tensor[]> {
    const answer = await this.#backend.transport.call(question, tensors, isEvaluated, { signal });
    return answer.tensors;
  }
}

/** Loads the tokenizer that was named, else the one that lies beside the judge. */
async function givenTokenizer(
  named: string | Tokenizer | undefined,
  checkpoint: string,
): Promise<Tokenizer | undefined> {
  if (named === undefined) return tokenizerBeside(checkpoint);
  return typeof named === "string" ? loadTokenizer(named) : named;
}

/** Loads the tokenizer of a judge that brings no tokenizer along. */
async function judgeTokenizer(model: ModelCard): Promise<Tokenizer> {
  return model.vocabSize === GPT2_VOCABULARY ? loadTokenizer("gpt2") : tokenizerFor(model);
}

/** Makes the two tensors of a request: the texts one after the other, and how long each is. */
function textTensors(texts: readonly (readonly number[])[]): Tensor[] {
  const tokens = Int32Array.from(texts.flat());
  const lengths = Int32Array.from(texts, ({ length }) => length);
  return [
    { dtype: "int32", shape: [tokens.length], data: tokens },
    { dtype: "int32", shape: [lengths.length], data: lengths },
  ];
}

function unexpected(asked: string, tensors: readonly Tensor[]): ProtocolError {
  return new ProtocolError(`${asked} was answered with ${describeTensors(tensors)}`);
}

function isEvaluated(reply: Reply): reply is EvaluatedReply {
  return reply.type === "evaluated";
}
