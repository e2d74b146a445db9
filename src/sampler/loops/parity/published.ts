/**
 * The loops of LLaDA and Dream as they are published, for `executor: "dense"`: their arithmetic,
 * PyTorch's noise in its order, and the choice of `torch.topk` among equals, so a seed gives the
 * published tokens. Published: ML-GSAI/LLaDA, `generate`; ReMDM-LLaDA, `llada_remdm_sample`; Dream,
 * `diffusion_generate` at temperature 0.
 */
import { Pace } from "../../../foundation/pace.ts";
import type { Denoiser, TokenId } from "../../denoiser.ts";
import type { SamplerEvent, SamplerOutcome } from "../../events.ts";
import type { PreparedRun } from "../../prepare.ts";
import { networkSigma } from "../../schedule.ts";
import { adjusted } from "../adjusted.ts";
import { inBatches } from "../batches.ts";
import { nextCache } from "../caches.ts";
import { remasked, revealed } from "../changeEvents.ts";
import { Ledger } from "../ledger.ts";
import { TextWindow } from "../textWindow.ts";
import { drawCandidate, drawOf, type Candidate, type PublishedDraw } from "./publishedDraw.ts";
import { quotasOf, remasksIn, type PublishedRule } from "./publishedRule.ts";
import { askRows } from "./rows.ts";
import { TorchGenerator } from "./torchGenerator.ts";
import { TorchSort } from "./torchSort.ts";

/** One sample of the batch that is under way. */
interface Sequence {
  readonly sample: number;
  readonly window: TextWindow;
}

/** One sequence in a block. */
interface InBlock extends Sequence {
  /** Numbers of positions that each step reveals. */
  readonly quotas: readonly number[];
  /** [L] what a position had when it was last chosen. ReMDM-LLaDA: `conf_cache`. */
  readonly stored: Float64Array;
}

export class Published {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  readonly #rule: PublishedRule;
  readonly #ledger: Ledger;
  readonly #pace: Pace;
  readonly #noise: TorchGenerator;
  readonly #cache = nextCache();
  readonly #sort: TorchSort;
  readonly #draw: PublishedDraw;
  /** [V] the noise of the row at hand. */
  readonly #uniforms: Float64Array;

  constructor(denoiser: Denoiser, run: PreparedRun, rule: PublishedRule) {
    this.#denoiser = denoiser;
    this.#run = run;
    this.#rule = rule;
    this.#ledger = new Ledger(run);
    this.#pace = new Pace(run.signal);
    this.#noise = new TorchGenerator(run.seed);
    this.#sort = new TorchSort(run.length, new Float64Array(run.length));
    // At temperature 0 the noisy logits and the logits are one tensor, so what the published code
    // takes from the former, the end of a text, is gone from the latter too.
    const { eosId, vocabSize } = denoiser.model;
    const { temperature, topK } = run;
    const dropped = [...run.suppressed].filter((id) => temperature === 0 || id !== eosId);
    this.#draw = { order: rule.order, temperature, topK, dropped };
    this.#uniforms = new Float64Array(vocabSize);
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const sampleBatch = (samples: readonly number[]) => this.#sample(samples);
    return inBatches(this.#denoiser, this.#run, this.#ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.#ledger.outcome();
  }

  async *#sample(samples: readonly number[]): AsyncGenerator<SamplerEvent, void, void> {
    const { parts, steps } = this.#run;
    const { maskId } = this.#denoiser.model;
    const batch = samples.map((sample): Sequence => {
      return { sample, window: new TextWindow({ ...this.#run, maskId }) };
    });
    for (let part = 0; part < parts; part++) {
      const open = batch.filter(({ window }) => !window.done);
      if (open.length === 0) break;
      const block = open.map((one) => this.#begin(one));
      for (let i = 0; i < steps; i++) {
        const number = part * (steps + 1) + i;
        yield* this.#step(block, i, number);
        const isLast = part === parts - 1 && i === steps - 1;
        const next = isLast ? undefined : { step: number + 1, time: 1 - (i + 1) / steps };
        yield this.#ledger.progress(batch.length * (part * steps + i + 1), next);
      }
      for (const { window } of open) window.next();
    }
    for (const { sample, window } of batch) yield this.#ledger.finish(sample, window.text());
  }

  #begin({ sample, window }: Sequence): InBlock {
    const { free, tokens } = window;
    const masks = free.filter((at) => this.#isMask(tokens[at])).length;
    const { steps, length, blockLength = free.length } = this.#run;
    const quotas = quotasOf(this.#rule, { masks, steps, blockLength });
    return { sample, window, quotas, stored: new Float64Array(length).fill(Infinity) };
  }

  async *#step(
    block: readonly InBlock[],
    i: number,
    step: number,
  ): AsyncGenerator<SamplerEvent, void, void> {
    const { steps, length, blockLength = length } = this.#run;
    const { maskId } = this.#denoiser.model;
    this.#pace.checkAborted();
    const time = 1 - i / steps;
    if (remasksIn(this.#rule, { i, steps, blockLength })) {
      for (const one of block) {
        const left = this.#remask(one);
        if (left.positions.length > 0) {
          yield remasked(
            { sample: one.sample, step, time, offset: 0 },
            left.positions,
            left.tokens,
          );
        }
      }
    }
    const drawn = await this.#drawAll(block, time, step);
    const ranks = this.#rule.order === "random" ? this.#drawRanks(block.length) : undefined;
    for (const [b, one] of block.entries()) {
      const { sample, window, quotas, stored } = one;
      const scores = new Float64Array(length).fill(-Infinity);
      for (const [position, { confidence }] of drawn[b]) {
        scores[position] = ranks?.[b * length + position] ?? confidence;
      }
      const chosen = this.#sort.top(scores, Math.min(quotas[i], length));
      for (const position of chosen) stored[position] = scores[position];
      const came = [...chosen]
        .sort((p, q) => p - q)
        .flatMap((position) => {
          const candidate = drawn[b].get(position);
          // The mask is a token like any other here: where it comes, the position stays masked.
          if (candidate === undefined || this.#isMask(candidate.token)) return [];
          return [{ position, draw: drawOf(candidate, this.#draw.temperature, maskId) }];
        });
      if (came.length === 0) continue;
      for (const { position, draw } of came) window.tokens[position] = draw.token;
      const place = { sample, step, time, offset: 0 };
      const positions = came.map(({ position }) => position);
      yield revealed(
        place,
        positions,
        came.map(({ draw }) => draw),
      );
    }
  }

  /** Masks what was stored with the lowest confidence: of any position, those of a prompt too. */
  #remask({ window, stored }: InBlock) {
    const { tokens } = window;
    const count = Math.min(this.#rule.remasks, tokens.length);
    const lowest = this.#sort.top(
      stored.map((one) => -one),
      count,
    );
    const positions = [...lowest].sort((p, q) => p - q).filter((at) => !this.#isMask(tokens[at]));
    const left = positions.map((at) => tokens[at]);
    for (const position of lowest) {
      stored[position] = Infinity;
      tokens[position] = this.#denoiser.model.maskId;
    }
    return { positions, tokens: left };
  }

  /** Asks the network, and draws a token at each mask up to the end of the block. */
  async #drawAll(
    block: readonly InBlock[],
    time: number,
    step: number,
  ): Promise<Map<number, Candidate>[]> {
    const windows = block.map(({ window }) => window);
    const { end } = windows[0];
    const rows = await askRows(this.#denoiser, {
      sequences: windows.map(({ tokens }) => tokens),
      sigma: networkSigma(time),
      asks: (token, position) => this.#isMask(token) && position < end,
      adjust: (request) => adjusted(request, this.#run, windows),
      cache: this.#cache,
      signal: this.#run.signal,
      sample: block[0].sample,
      step,
    });
    this.#ledger.called(
      block,
      rows.reduce((sum, own) => sum + own.size, 0),
    );
    const drawn: Map<number, Candidate>[] = [];
    for (const own of rows) {
      const candidates = new Map<number, Candidate>();
      for (let position = 0; position < this.#run.length; position++) {
        const row = own.get(position)?.values;
        this.#drawNoise(row !== undefined);
        if (row === undefined) continue;
        candidates.set(position, drawCandidate(row, this.#uniforms, this.#draw));
        if (this.#pace.spend(row.length)) await this.#pace.rest();
      }
      drawn.push(candidates);
    }
    return drawn;
  }

  /** Draws the noise of a position's row, or passes over it. */
  #drawNoise(isNeeded: boolean): void {
    const uniforms = this.#uniforms;
    if (this.#draw.temperature === 0) return;
    if (!isNeeded) this.#noise.skip32(2 * uniforms.length);
    else for (let v = 0; v < uniforms.length; v++) uniforms[v] = this.#noise.float64();
  }

  /** @returns [B L] `torch.rand` in float32. */
  #drawRanks(batch: number): Float64Array {
    return Float64Array.from({ length: batch * this.#run.length }, () => this.#noise.float32());
  }

  #isMask(token: TokenId): boolean {
    return token === this.#denoiser.model.maskId;
  }
}
