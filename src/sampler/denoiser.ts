/**
 * The only thing that the sampler knows of the network: given tokens at a noise level, what does it
 * say about these positions? Implementations: the ZeroMQ client in `src/backend`, tables in the tests.
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
  /** Whether the network looks at sigma; when false the backend ignores it. */
  readonly timeConditioning: boolean;
  /** d3pm: whether the mask has no probability (the original's `subs_masking`). Default false. */
  readonly subsMasking?: boolean;
  /** What the rows were rounded to before they were widened to float32. Default `float32`. */
  readonly dtype?: "float32" | "bfloat16";
  /** Token that a sequence of an `ar` model begins with. */
  readonly bosId?: TokenId;
  /** Token that ends a text: what semi-autoregressive output is cut at. */
  readonly eosId?: TokenId;
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
  /** [N] flat indices b * L + l of the positions asked for, ascending. Nothing else is computed or sent. */
  readonly rows: Int32Array<ArrayBuffer>;
  /**
   * Name under which the denoiser may keep what it computed. A later call of the same name is answered from it
   * as far as tokens and sigma agree: other rows of the same question cost the head alone, and an `ar` model computes
   * only what follows the prefix that it knows. The content decides, never the name: a cache that was lost or is
   * about something else costs time and changes no number. {@link Denoiser.release} ends it.
   */
  readonly cache?: number;
}

/**
 * A number that says something about a row's distribution: the softmax of all its columns except the
 * mask's. Logarithms are natural; sums are taken in float64, and the result is rounded to float32.
 *
 * - `logMass`: log of the sum of exp(logit) over all columns except the mask's.
 * - `maskLogit`: the logit of the mask.
 * - `max`: log-probability of the likeliest token.
 * - `argmax`: id of the likeliest token, of equals the lowest. Exact below 2^24.
 * - `second`: log-probability of the second likeliest token. Equals count: with two equal maxima it is
 *   `max`. -Infinity where only one token is possible.
 * - `entropy`: in nats; a token of probability 0 adds 0.
 * - `given`: log-probability of the token that the caller names for the row; -Infinity for the mask.
 *
 * A row with NaN or +Infinity in a column other than the mask's is no distribution: its statistics are
 * NaN, except `maskLogit`. Where every other column is -Infinity, `logMass` is -Infinity and the others
 * are NaN too. The sampler refuses such a row.
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

/** The tokens of a row that a nucleus of a given mass can hold. */
export interface TopRow {
  /** Ascending, without the mask. */
  readonly ids: Int32Array;
  /** Of those ids. */
  readonly logits: Float32Array;
  /** Sum of exp(logit - max) over all other tokens but the mask's; max is the largest of all logits. */
  readonly rest: number;
}

export interface Denoiser {
  readonly model: DenoiserModel;
  /**
   * @returns [N, V] row-major logits of the rows asked for, before any parameterization: the mask column is
   *   whatever the network says, the sampler leaves it out. Pure: the same request may be sent again.
   */
  forward(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array>;
  /**
   * Reduces each row asked for to the few numbers that the request lists. A strategy that decides by
   * the rows needs it, among them the only one of `sedd` models. Pure, as {@link forward}.
   * @returns [N, k] row-major, k = `request.statistics.length`, in that order; see {@link StatisticName}.
   */
  statistics?(request: StatisticsRequest, signal?: AbortSignal): Promise<Float32Array>;
  /**
   * Of each row asked for, only what a nucleus of `mass` can hold: for a denoiser that reaches the sampler sooner that way
   * than with whole rows; one for which that is not so leaves it out. Without the mask's column, and never with a token of
   * -Infinity: the likeliest tokens until their probability exceeds `mass`, the one that crosses it and all that equal
   * it included, or all of them. A row that is no distribution (NaN, +Infinity) comes whole. Pure, as {@link forward}.
   * @param mass in (0, 1).
   */
  top?(request: ForwardRequest, mass: number, signal?: AbortSignal): Promise<readonly TopRow[]>;
  /** Nobody will use this cache any more. Never throws; a denoiser without caches leaves it out. */
  release?(cache: number): void;
}
