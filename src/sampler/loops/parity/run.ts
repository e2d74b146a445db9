/**
 * The parity loop does what the original's loop does: it goes through all positions of a batch in
 * every step, with the original's noise in its order, its cache of a step that changed nothing in
 * the whole batch, and its final noise removal. With PyTorch's noise a seed gives the original's
 * tokens. Original: `_sample`, and `sample_subs_guidance` with windows.
 */
import { inBatches } from "../batches.ts";
import { nextCache } from "../caches.ts";
import { remasked, revealed } from "../changeEvents.ts";
import type { Denoiser, TokenId } from "../../denoiser.ts";
import type { SamplerEvent, SamplerOutcome } from "../../events.ts";
import { Ledger } from "../ledger.ts";
import type { NoiseSource } from "../../draw/noise.ts";
import type { PreparedRun } from "../../prepare.ts";
import { Pace } from "../../../foundation/pace.ts";
import { TextWindow } from "../textWindow.ts";
import { advance, removeNoise, type Advance, type PositionNoise } from "./advance.ts";
import { ParityConfidence } from "./confidence.ts";
import type { ParityGrid, ParityTime } from "./grid.ts";
import { addressedRows, torchRows, type RowNoise } from "./noise.ts";
import { askRows, type RowsOfSequence } from "./rows.ts";
import type { BoundForm } from "./form.ts";
import { networkSigma32 } from "./sigma.ts";
import { TorchGenerator } from "./torchGenerator.ts";
import { ParityUpdate } from "./update.ts";

/** One sample of the batch that is under way. */
interface Sequence {
  readonly sample: number;
  readonly window: TextWindow;
  readonly confidence: ParityConfidence;
}

export class Parity {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  readonly #grid: ParityGrid;
  readonly #update: ParityUpdate;
  readonly #noise: RowNoise;
  readonly #ledger: Ledger;
  readonly #pace: Pace;
  readonly #cache = nextCache();
  /** The rows of the last step, when they may be used again. */
  #rows: RowsOfSequence[] | undefined;

  /** @param noise for `noise: "philox"`; PyTorch's stream is made here. */
  constructor(
    denoiser: Denoiser,
    run: PreparedRun,
    { form, grid }: { readonly form: BoundForm; readonly grid: ParityGrid },
    noise: NoiseSource,
  ) {
    this.#denoiser = denoiser;
    this.#run = run;
    this.#grid = grid;
    this.#update = new ParityUpdate(form, denoiser.model, run.topP);
    this.#noise =
      run.noise === "torch" ? torchRows(new TorchGenerator(run.seed)) : addressedRows(noise);
    this.#ledger = new Ledger(run);
    this.#pace = new Pace(run.signal);
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const sampleBatch = (samples: readonly number[]) => this.#sample(samples);
    return inBatches(this.#denoiser, this.#run, this.#ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.#ledger.outcome();
  }

  #begin(sample: number): Sequence {
    const { length } = this.#run;
    const { maskId } = this.#denoiser.model;
    const window = new TextWindow({ ...this.#run, maskId });
    return { sample, window, confidence: new ParityConfidence(length, this.#update.precision) };
  }

  async *#sample(samples: readonly number[]): AsyncGenerator<SamplerEvent, void, void> {
    const batch = samples.map((sample) => this.#begin(sample));
    const { parts } = this.#run;
    const { steps, end } = this.#grid;
    for (let w = 0; w < parts; w++) {
      if (w > 0) {
        for (const { window, confidence } of batch) {
          window.next();
          confidence.reset();
        }
      }
      this.#rows = undefined;
      const first = w * (steps.length + 1);
      const before = w * steps.length;
      for (const [i, time] of steps.entries()) {
        const next = await this.#step(batch, time, first + i);
        yield* this.#apply(batch, next, first + i, time.t);
        yield this.#ledger.progress(batch.length * (before + i + 1), {
          step: first + i + 1,
          time: steps.at(i + 1)?.t ?? end,
        });
      }
      const removal = first + steps.length;
      yield* this.#apply(batch, await this.#remove(batch, removal), removal, end);
      const next = w === parts - 1 ? undefined : { step: removal + 1, time: steps[0].t };
      yield this.#ledger.progress(batch.length * (before + steps.length), next);
    }
    for (const { sample, window } of batch) yield this.#ledger.finish(sample, window.text());
  }

  async #step(batch: readonly Sequence[], time: ParityTime, step: number): Promise<Advance[]> {
    const rows = this.#rows ?? (await this.#read(batch, time, step));
    const next: Advance[] = [];
    for (const [b, { sample, window, confidence }] of batch.entries()) {
      const { tokens, free } = window;
      const state = { tokens, free, confidence };
      const noise = this.#noiseOf(sample, step);
      next.push(await advance(this.#update, state, rows[b], time, noise, this.#pace));
    }
    const same = batch.every(({ window }, b) => isClose(next[b].tokens, window.tokens));
    this.#rows = same && this.#update.caches ? rows : undefined;
    return next;
  }

  async #read(
    batch: readonly Sequence[],
    { t }: ParityTime,
    step: number,
  ): Promise<RowsOfSequence[]> {
    const { maskId } = this.#denoiser.model;
    const answer = await this.#ask(batch, t, step, (token) => token === maskId);
    for (const rows of answer) {
      for (const row of rows.values()) {
        this.#update.read(row, t);
        if (this.#pace.spend(row.values.length)) await this.#pace.rest();
      }
    }
    return answer;
  }

  async #remove(batch: readonly Sequence[], step: number): Promise<Advance[]> {
    const { maskId, kind } = this.#denoiser.model;
    // D3PM carries nothing over: its last step may replace revealed tokens too.
    const asks = (token: TokenId) => token === maskId || kind === "d3pm";
    const { end } = this.#grid;
    const answer = await this.#ask(batch, end, step, asks);
    const next: Advance[] = [];
    for (const [b, { sample, window }] of batch.entries()) {
      const noise = this.#noiseOf(sample, step);
      next.push(await removeNoise(this.#update, window, answer[b], end, noise, this.#pace));
    }
    return next;
  }

  #noiseOf(sample: number, step: number): PositionNoise {
    return (out, position) => {
      this.#noise(out, sample, step, position);
    };
  }

  async #ask(
    batch: readonly Sequence[],
    t: number,
    step: number,
    asks: (token: TokenId) => boolean,
  ): Promise<RowsOfSequence[]> {
    this.#pace.checkAborted();
    const answer = await askRows(this.#denoiser, {
      sequences: batch.map(({ window }) => window.tokens),
      sigma: networkSigma32(t),
      asks,
      cache: this.#cache,
      signal: this.#run.signal,
      sample: batch[0].sample,
      step,
    });
    this.#ledger.called(
      batch,
      answer.reduce((sum, rows) => sum + rows.size, 0),
    );
    return answer;
  }

  /** Carries a step out and tells of what it changed. */
  *#apply(
    batch: readonly Sequence[],
    next: readonly Advance[],
    step: number,
    time: number,
  ): Generator<SamplerEvent> {
    const { maskId } = this.#denoiser.model;
    for (const [b, { sample, window }] of batch.entries()) {
      const { tokens, probabilities, logProbabilities } = next[b];
      const before = window.tokens.slice();
      const changed = Array.from(window.free).filter((p) => tokens[p] !== before[p]);
      window.tokens.set(tokens);
      const at = { sample, step, time, offset: window.offset };
      const masks = changed.filter((position) => tokens[position] === maskId);
      const reveals = changed.filter((position) => tokens[position] !== maskId);
      if (masks.length > 0) {
        const left = masks.map((position) => before[position]);
        yield remasked(at, masks, left);
      }
      if (reveals.length > 0) {
        const draws = reveals.map((position) => ({
          token: tokens[position],
          probability: probabilities[position],
          logProbability: logProbabilities[position],
        }));
        yield revealed(at, reveals, draws);
      }
    }
  }
}

/**
 * Compares as `torch.allclose(next, now)` does: of token ids beyond 100,000, neighbours are close
 * too.
 */
function isClose(next: Int32Array, now: Int32Array): boolean {
  return next.every((token, i) => Math.abs(token - now[i]) <= 1e-8 + 1e-5 * Math.abs(now[i]));
}
