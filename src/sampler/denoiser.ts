/**
 * The only thing that the sampler knows of the network: given tokens at a noise level, what does it
 * say about these positions? Implementations: the ZeroMQ client in `src/backend`, tables in the tests.
 */

/** Index into the model's vocabulary, in [0, vocabSize). */
export type TokenId = number;

/** What the sampler must know of a model before it can sample from it. */
export interface DenoiserModel {
  /** V: number of columns of a row, the mask included. */
  readonly vocabSize: number;
  /** Column of the mask token, in [0, vocabSize). */
  readonly maskId: TokenId;
  /** The longest sequence that the model takes, in tokens. */
  readonly length: number;
  /** Whether the network looks at sigma; when false the backend ignores it. */
  readonly timeConditioning: boolean;
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
}

export interface Denoiser {
  readonly model: DenoiserModel;
  /**
   * @returns [N, V] row-major logits of the rows asked for, before SUBS: the mask column is whatever
   *   the network says, the sampler leaves it out. Pure: the same request may be sent again.
   */
  forward(request: ForwardRequest, signal?: AbortSignal): Promise<Float32Array>;
}
