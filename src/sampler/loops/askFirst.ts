/**
 * SEDD without its score tensors: a masked position's chance to reveal depends on the sum of its scores, so the network
 * is first asked for that, one reduction a masked position, then the reveals are drawn, then the rows of those alone
 * are asked for, of the same forward. Same distribution as the original's `analytic` predictor (docs/design.md, section 2).
 */
import { inBatches } from "./batches.ts";
import { nextCache } from "./caches.ts";
import { RowSampler, type Draw } from "../draw/rowSampler.ts";
import type { Denoiser, ForwardRequest } from "../denoiser.ts";
import { RemdmError } from "../../foundation/errors.ts";
import type { RevealedEvent, SamplerEvent, SamplerOutcome } from "../events.ts";
import { Ledger } from "./ledger.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { ResolvedOptions } from "../options.ts";
import { Pace } from "../../foundation/pace.ts";
import { ask, askMasses, stack } from "./question.ts";
import { networkSigma } from "../schedule.ts";
import { analyticReveal, scoreSum } from "../strategies/analytic.ts";
import { TextWindow } from "./textWindow.ts";

interface Sample {
  readonly sample: number;
  readonly window: TextWindow;
}

/** Where a sample of the batch reveals. */
interface Reveal {
  readonly b: number;
  readonly positions: Int32Array;
}

export class ScoreRun {
  readonly #denoiser: Denoiser;
  readonly #options: ResolvedOptions;
  readonly #times: Float64Array;
  readonly #noise: NoiseSource;
  readonly #rows: RowSampler;
  readonly #pace: Pace;
  readonly #ledger: Ledger;
  readonly #cache = nextCache();

  /** @param times [T + 1] */
  constructor(
    denoiser: Denoiser,
    options: ResolvedOptions,
    times: Float64Array,
    noise: NoiseSource,
  ) {
    this.#denoiser = denoiser;
    this.#options = options;
    this.#times = times;
    this.#noise = noise;
    this.#rows = new RowSampler(denoiser.model, options.topP, options.compat);
    this.#pace = new Pace(options.signal);
    this.#ledger = new Ledger(options);
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const sampleBatch = (samples: readonly number[]) => this.#sample(samples);
    return inBatches(this.#denoiser, this.#options, this.#ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.#ledger.outcome();
  }

  async *#sample(samples: readonly number[]): AsyncGenerator<SamplerEvent, void, void> {
    const { maskId } = this.#denoiser.model;
    const settings = { ...this.#options, maskId };
    const batch = samples.map((sample) => ({ sample, window: new TextWindow(settings) }));
    const last = this.#times.length - 1;
    for (let step = 0; step <= last; step++) {
      const open = batch.filter(({ window }) => window.tokens.includes(maskId));
      if (open.length === 0) break; // revealed positions never move
      const request = this.#requestOf(open, step);
      const reveals =
        step === last ? masked(open, maskId) : await this.#drawReveals(open, request, step);
      yield* this.#reveal(open, reveals, request, step);
      const next = step === last ? undefined : { step: step + 1, time: this.#times[step + 1] };
      yield this.#ledger.progress(batch.length * Math.min(step + 1, last), next);
    }
    for (const { sample, window } of batch) yield this.#ledger.finish(sample, window.text());
  }

  /** Of every masked position. */
  #requestOf(open: readonly Sample[], step: number): ForwardRequest {
    const { length } = this.#options;
    const { maskId } = this.#denoiser.model;
    const tokens = stack(open.map(({ window }) => window.tokens));
    return {
      batch: open.length,
      length,
      tokens,
      sigma: new Float32Array(open.length).fill(networkSigma(this.#times[step])),
      rows: Int32Array.from(tokens.keys()).filter((at) => tokens[at] === maskId),
      cache: this.#cache,
    };
  }

  async #drawReveals(
    open: readonly Sample[],
    request: ForwardRequest,
    step: number,
  ): Promise<Reveal[]> {
    this.#pace.checkAborted();
    const { length, signal } = this.#options;
    const { vocabSize } = this.#denoiser.model;
    const masses = await askMasses(this.#denoiser, request, signal);
    this.#ledger.called(open, 0);
    const [t, s] = [this.#times[step], this.#times[step + 1]];
    const reveals = open.map((): number[] => []);
    request.rows.forEach((at, i) => {
      const [b, position] = [Math.floor(at / length), at % length];
      const { sample } = open[b];
      const chance = analyticReveal(scoreSum(masses[2 * i], t, vocabSize), t, s);
      if (!(chance >= 0)) throw unsound(sample, step, position, masses[2 * i]);
      if (this.#noise.event(sample, step, position) < chance) reveals[b].push(position);
    });
    return reveals.map((positions, b) => ({ b, positions: Int32Array.from(positions) }));
  }

  /** Asks for the rows of what was drawn and tells of it. */
  async *#reveal(
    open: readonly Sample[],
    reveals: readonly Reveal[],
    request: ForwardRequest,
    step: number,
  ): AsyncGenerator<RevealedEvent, void, void> {
    const { length, signal } = this.#options;
    const { vocabSize } = this.#denoiser.model;
    const rows = Int32Array.from(
      reveals.flatMap(({ b, positions }) => [...positions].map((p) => b * length + p)),
    );
    if (rows.length === 0) return;
    this.#pace.checkAborted();
    const logits = await ask(this.#denoiser, { ...request, rows }, signal);
    // The last step asked for no reductions: this is its call.
    if (step === this.#times.length - 1) this.#ledger.called(open, rows.length);
    else this.#ledger.asked(rows.length);
    let row = 0;
    for (const { b, positions } of reveals) {
      if (positions.length === 0) continue;
      const { sample, window } = open[b];
      const draws: Draw[] = [];
      for (const position of positions) {
        const at = { sample, step, position };
        const scores = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
        draws.push(this.#rows.draw(scores, at, this.#noise));
        row++;
        if (this.#pace.spendTokens(vocabSize)) await this.#pace.rest();
      }
      positions.forEach((position, i) => {
        window.tokens[position] = draws[i].token;
      });
      yield {
        type: "revealed",
        sample,
        step,
        time: this.#times[step],
        positions: Array.from(positions),
        tokens: draws.map(({ token }) => token),
        probabilities: draws.map(({ probability }) => probability),
      };
    }
  }
}

function masked(open: readonly Sample[], maskId: number): Reveal[] {
  return open.map(({ window }, b) => ({
    b,
    positions: window.free.filter((position) => window.tokens[position] === maskId),
  }));
}

function unsound(sample: number, step: number, position: number, mass: number): RemdmError {
  return new RemdmError(
    `The network's scores for sample ${sample}, step ${step}, position ${position} sum to exp(${mass})`,
    {
      code: "denoiser_invalid",
      remedy: "Check the model's weights and number format; the logarithm of a sum must be finite.",
    },
  );
}
