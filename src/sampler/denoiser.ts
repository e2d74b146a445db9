/**
 * A `Denoiser` is all that the sampler knows of the network: given tokens at a noise level, it
 * answers with the logits of the positions asked for. It is implemented by the ZeroMQ client in
 * `src/backend`, and by tables in the tests.
 */

/** Index into the model's vocabulary, in [0, vocabSize). */
export type TokenId = number;

/** What a row of the network means: the original's `parameterization` (`mdlm` is its `subs`). */
export type ModelKind = "mdlm" | "sedd" | "d3pm" | "ar";

/** What the sampler must know of a model before it can sample from it. */
export interface DenoiserModel {
  /** Default `mdlm`. */
  readonly kind?: ModelKind;
  /** V: number of columns of a row, the mask included. */
  readonly vocabSize: number;
  /** Column of the mask token, in [0, vocabSize). */
  readonly maskId: number;
  /** The longest sequence that the model takes, in tokens. */
  readonly length: number;
  /**
   * Tokens of a block of a network that is causal over blocks (BD3-LM), from the first token on: a
   * position sees its own block and what stands left of it. `length` is then what a block sees, the
   * block included, and texts may be longer. Absent: every position sees the whole sequence.
   */
  readonly blockLength?: number;
  /** Whether the network looks at sigma; when false the backend ignores it. */
  readonly timeConditioning: boolean;
  /**
   * Whether the network was trained to say what stands at revealed positions too; one that was
   * trained by SUBS was not. Default false.
   */
  readonly judgesRevealed?: boolean;
  /** d3pm: whether the mask has no probability (the original's `subs_masking`). Default false. */
  readonly subsMasking?: boolean;
  /**
   * The number format that the rows were rounded to before they were widened to float32. Default
   * `float32`.
   */
  readonly dtype?: "float32" | "bfloat16";
  /** The token that a sequence of an `ar` model begins with. */
  readonly bosId?: TokenId;
  /** The token that ends a text; semi-autoregressive output is cut there. */
  readonly eosId?: TokenId;
}

/** Tokens of a sequence that is given no length, at most. */
const DEFAULT_LENGTH = 1024;

/**
 * Returns the tokens of a sequence that is given no length: those that the model takes, at most
 * 1,024. The positions that a model has (131,072 of Dream 7B) are no length to sample unasked.
 */
export function defaultLength(model: Pick<DenoiserModel, "length">): number {
  return Math.min(model.length, DEFAULT_LENGTH);
}

/** One batched question. The arrays belong to the denoiser until its promise settles. */
export interface ForwardRequest {
  /** B, the number of sequences. */
  readonly batch: number;
  /** L, the length of each sequence. */
  readonly length: number;
  /** [B, L] row-major token ids, masks included. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** [B] total noise sigma(t) of each sequence, as the original's log-linear schedule gives it. */
  readonly sigma: Float32Array<ArrayBuffer>;
  /**
   * [N] flat indices b * L + l of the positions asked for, ascending. The network computes and
   * sends no other rows.
   */
  readonly rows: Int32Array<ArrayBuffer>;
  /**
   * Name under which the denoiser may keep what it computed. A later call of the same name is
   * answered from it as far as tokens and sigma agree: other rows of the same question cost the
   * head alone, and an `ar` model computes only what follows the prefix that it knows. The content
   * decides, never the name: a cache that was lost, or is about something else, costs time and
   * changes no number. {@link Denoiser.release} ends it.
   */
  readonly cache?: number;
  /**
   * [K] ascending ids of tokens that must not be drawn; never the mask, and at least one other
   * token is left. A denoiser must honour it: the logits of these columns are -Infinity in every
   * row, whatever the row is reduced to. The sampler refuses a banned token that comes all the
   * same.
   */
  readonly banned?: Int32Array<ArrayBuffer>;
  /** A denoiser must honour it, or throw. */
  readonly guidance?: Guidance;
}

/**
 * Classifier-free guidance: each row is `l_u + (scale + 1) (l_c - l_u)`, computed in float32 before
 * bans and before the row is reduced to anything. l_c is the row of the tokens as they stand, l_u
 * the row where masks hide the prompt. A column that is -Infinity in one of the two is -Infinity.
 * Source: `generate` of LLaDA.
 */
export interface Guidance {
  /** In [0, 1e6]; 0 is l_c exactly. */
  readonly scale: number;
  /** [M] ascending flat indices b * L + l of the positions that l_u sees as masks. */
  readonly masked: Int32Array<ArrayBuffer>;
}

/**
 * A number that describes a row's distribution, which is the softmax of all its columns except the
 * mask's. Logarithms are natural; sums are taken in float64, and the result is rounded to float32.
 *
 * - `logMass`: log of the sum of exp(logit) over all columns except the mask's.
 * - `maskLogit`: the logit of the mask.
 * - `max`: log-probability of the likeliest token.
 * - `argmax`: id of the likeliest token, of equals the lowest. Exact below 2^24.
 * - `second`: log-probability of the second likeliest token. Equals count: with two equal maxima it
 *   is `max`. -Infinity where only one token is possible.
 * - `entropy`: in nats; a token of probability 0 adds 0.
 * - `given`: log-probability of the token that the caller names for the row; -Infinity for the
 *   mask.
 *
 * A row with NaN or +Infinity in a column other than the mask's has no distribution: its statistics
 * are NaN, except `maskLogit`. Where every other column is -Infinity, `logMass` is -Infinity and
 * the other statistics are NaN too. The sampler refuses these rows.
 */
export type StatisticName =
  "logMass" | "maskLogit" | "max" | "argmax" | "second" | "entropy" | "given";

/** A question about statistics of rows. */
export interface StatisticsRequest extends ForwardRequest {
  /** What each row is reduced to, in this order: at least one, each once. */
  readonly statistics: readonly StatisticName[];
  /** [N] a token for each row, in [0, vocabSize). Needed exactly when `given` is listed. */
  readonly given?: Int32Array<ArrayBuffer>;
}

/** Says which tokens of a row a draw can take; `mass` or `topK` is there. */
export interface TopCut {
  /** Mass of the nucleus, in (0, 1); left out: no nucleus. */
  readonly mass?: number;
  /** What the logits are divided by before the nucleus, in (0, Infinity). Default 1. */
  readonly temperature?: number;
  /** How many of the likeliest tokens are kept before the nucleus: an integer >= 1. Default all. */
  readonly topK?: number;
}

/** The tokens of a row that are left by a cut. */
export interface TopRow {
  /** Token ids, ascending, without the mask. */
  readonly ids: Int32Array;
  /** The logit of each of `ids`. */
  readonly logits: Float32Array;
  /**
   * Sum of exp((logit - max) / temperature) over the other tokens of the nucleus' denominator: over
   * all except the mask, or with `topK` over those of the k likeliest that are not listed. `max` is
   * the largest of `logits`.
   */
  readonly rest: number;
  /**
   * Log of the sum of exp(logit) over all tokens except the mask, whatever the cut: the
   * log-probability of a token in the whole row is its logit minus this.
   */
  readonly logMass: number;
}

export interface Denoiser {
  readonly model: DenoiserModel;
  /**
   * Computes logits.
   * @returns [N, V] row-major logits of the rows asked for, before any parameterization: the mask
   *   column holds the network's number, which the sampler leaves out. Pure: the same request may
   *   be sent again.
   */
  forward(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array>;
  /**
   * Reduces each row asked for to the few numbers that the request lists. Strategies that decide by
   * the rows need it, among them the only strategy of `sedd` models. Pure, as {@link forward}.
   * @returns [N, k] row-major, k = `request.statistics.length`, in that order; see
   *   {@link StatisticName}.
   */
  statistics?(request: StatisticsRequest, signal?: AbortSignal): Promise<Float32Array>;
  /**
   * Returns, for each row asked for, only the tokens that a draw can take. A denoiser offers it if
   * this takes less time than sending whole rows. A top row has the likeliest tokens until their
   * probability exceeds the cut's mass, including the token that crosses it and all tokens that are
   * equal to that one, or it has all tokens; never the mask's column or a token of -Infinity. With
   * `topK` these are the k likeliest and all tokens that are equal to the last of them, and the
   * probability is that among k. A row that has no distribution (NaN, +Infinity) comes whole. Pure,
   * as {@link forward}.
   */
  top?(request: ForwardRequest, cut: TopCut, signal?: AbortSignal): Promise<readonly TopRow[]>;
  /**
   * Ends a cache that will not be used again. Never throws; a denoiser without caches leaves it
   * out.
   */
  release?(cache: number): void;
}
