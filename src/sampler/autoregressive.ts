/**
 * From left to right: the row after the last token is all that a step asks for, and a denoiser that caches computes
 * nothing else. Original: `_ar_sampler`, which computes the whole prefix anew for every token.
 */
import { inBatches } from "./batches.ts";
import { nextCache } from "./caches.ts";
import { RowSampler, type RowAddress } from "./categorical.ts";
import { AutoregressiveDraw } from "./dense/autoregressiveDraw.ts";
import type { Denoiser, TokenId } from "./denoiser.ts";
import type { SamplerEvent, SamplerOutcome } from "./events.ts";
import { Ledger } from "./ledger.ts";
import type { NoiseSource } from "./noise.ts";
import type { ResolvedOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { ask, stack } from "./question.ts";

/** Chooses the next token of sequence `b` of the batch. @param row [V] raw logits. */
type ChooseToken = (row: Float32Array, b: number, at: RowAddress) => TokenId;

export class AutoregressiveRun {
  readonly #denoiser: Denoiser;
  readonly #options: ResolvedOptions;
  readonly #pace: Pace;
  readonly #ledger: Ledger;
  readonly #bosId: TokenId;
  readonly #choose: ChooseToken;
  readonly #parity: AutoregressiveDraw | undefined;
  readonly #cache = nextCache();

  /** @param dense as the original rounds, with PyTorch's noise. */
  constructor(denoiser: Denoiser, options: ResolvedOptions, dense: boolean, noise: NoiseSource) {
    this.#denoiser = denoiser;
    this.#options = options;
    this.#pace = new Pace(options.signal);
    this.#ledger = new Ledger(options, options.steps);
    this.#bosId = denoiser.model.bosId ?? 0; // `resolveOptions` has seen that it is there
    const rows = new RowSampler(denoiser.model, options.topP, options.compat);
    const parity = dense ? new AutoregressiveDraw(denoiser.model, options) : undefined;
    this.#parity = parity;
    this.#choose =
      parity === undefined
        ? (row, _, at) => rows.draw(row, at, noise).token
        : (row, b) => parity.draw(row, b);
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const sampleBatch = (samples: readonly number[]) => this.#sample(samples);
    return inBatches(this.#denoiser, this.#options, this.#ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.#ledger.outcome();
  }

  async *#sample(samples: readonly number[]): AsyncGenerator<SamplerEvent, Int32Array[], void> {
    const { steps, pinned } = this.#options;
    const batch = samples.map(() => this.#beginning());
    this.#parity?.begin(batch.length);
    for (let step = 0; step < steps; step++) {
      const position = step + 1;
      if (pinned.has(position)) continue;
      const { vocabSize } = this.#denoiser.model;
      const logits = await this.#askNext(batch, position);
      const time = 1 - step / steps;
      for (const [b, tokens] of batch.entries()) {
        const sample = samples[b];
        const row = logits.subarray(b * vocabSize, (b + 1) * vocabSize);
        tokens[position] = this.#choose(row, b, { sample, step, position });
        if (this.#pace.spendTokens(vocabSize)) await this.#pace.rest();
        const positions = Int32Array.of(position);
        const drawn = Int32Array.of(tokens[position]);
        yield { type: "revealed", sample, step, time, positions, tokens: drawn };
      }
      yield this.#ledger.progress(batch.length * position);
    }
    return batch;
  }

  /** [L] the begin-of-text token at both ends, as the original has it; the last is overwritten where it is drawn. */
  #beginning(): Int32Array {
    const tokens = new Int32Array(this.#options.length).fill(this.#denoiser.model.maskId);
    tokens[0] = this.#bosId;
    tokens[tokens.length - 1] = this.#bosId;
    for (const [position, token] of this.#options.pinned) tokens[position] = token;
    return tokens;
  }

  /** @returns [B, V] the rows of what comes at `position`. */
  async #askNext(batch: readonly Int32Array[], position: number): Promise<Float32Array> {
    this.#pace.checkAborted();
    const request = {
      batch: batch.length,
      length: position,
      tokens: stack(batch.map((tokens) => tokens.subarray(0, position))),
      sigma: new Float32Array(batch.length),
      rows: Int32Array.from(batch, (_, b) => (b + 1) * position - 1),
      cache: this.#cache,
    };
    const logits = await ask(this.#denoiser, request, this.#options.signal);
    this.#ledger.called(batch.length);
    return logits;
  }
}
