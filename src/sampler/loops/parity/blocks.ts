/**
 * The loop of BD3-LM as it is published, for `executor: "dense"`: its arithmetic and PyTorch's
 * noise in its order, so a seed gives the published tokens. It goes from block to block, one sample
 * after the other. Published: bd3lms, `_semi_ar_sampler`, whose KV cache it has
 * (`sampling.kv_cache`), and which throws a text of more than 256 tokens away when the entropy of
 * the last 256 is below 4 nats; that this loop does not do.
 */
import { Pace } from "../../../foundation/pace.ts";
import type { Denoiser } from "../../denoiser.ts";
import type { Draw } from "../../draw/rowSampler.ts";
import type { SamplerEvent, SamplerOutcome } from "../../events.ts";
import type { PreparedRun } from "../../prepare.ts";
import { inBatches } from "../batches.ts";
import { nextCache } from "../caches.ts";
import { revealed } from "../changeEvents.ts";
import { Ledger } from "../ledger.ts";
import { TextWindow } from "../textWindow.ts";
import { blockSteps, type BlockRule, type BlockStep } from "./blockRule.ts";
import { chanceOf, drawWeighted } from "./draw.ts";
import { ParityNucleus } from "./nucleus.ts";
import { logProbabilities, masklessLogProbability } from "./parameterization.ts";
import { float64, precisionOf } from "./precision.ts";
import { askRows } from "./rows.ts";
import { TorchGenerator } from "./torchGenerator.ts";

/** A row of a masked position: log p(x0 | xt), and its probabilities after the nucleus, [V]. */
interface Row {
  readonly logProbabilities: Float32Array;
  readonly probabilities: Float64Array;
}

/** One sample in a block. */
interface InBlock {
  readonly sample: number;
  readonly window: TextWindow;
  /** Positions of the block, the pinned ones among them. */
  readonly begin: number;
  readonly end: number;
}

export class BlockParity {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  /** The steps of a block; undefined: one for each of its masks, whenever it comes. */
  readonly #steps: readonly BlockStep[] | undefined;
  readonly #ledger: Ledger;
  readonly #pace: Pace;
  readonly #noise: TorchGenerator;
  readonly #cache = nextCache();
  readonly #nucleus: ParityNucleus | undefined;
  /** [V] the weights of the row at hand. */
  readonly #weights: Float64Array;

  constructor(denoiser: Denoiser, run: PreparedRun, rule: BlockRule) {
    const { vocabSize } = denoiser.model;
    this.#denoiser = denoiser;
    this.#run = run;
    this.#steps = rule === "ancestral" ? blockSteps(run.steps) : undefined;
    this.#ledger = new Ledger(run);
    this.#pace = new Pace(run.signal);
    this.#noise = new TorchGenerator(run.seed);
    this.#nucleus = run.topP < 1 ? new ParityNucleus(vocabSize, run.topP, float64) : undefined;
    this.#weights = new Float64Array(vocabSize);
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const one = { ...this.#run, batchSize: 1 };
    const sampleBatch = ([sample]: readonly number[]) => this.#sample(sample);
    return inBatches(this.#denoiser, one, this.#ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.#ledger.outcome();
  }

  async *#sample(sample: number): AsyncGenerator<SamplerEvent, void, void> {
    const { firstBlock, steps, blockLength = steps } = this.#run;
    const window = new TextWindow({ ...this.#run, maskId: this.#denoiser.model.maskId });
    while (!window.done) {
      const { part, end } = window;
      const block = { sample, window, begin: firstBlock + part * blockLength, end };
      let rows: ReadonlyMap<number, Row> | undefined;
      for (let i = 0; i < steps; i++) {
        const masks = this.#masksOf(block);
        if (masks.length === 0) break;
        const number = part * steps + i;
        rows ??= await this.#read(block, number);
        const draws = await this.#draw(block, masks, rows, this.#steps?.[i]);
        const positions = [...draws.keys()];
        if (positions.length > 0) {
          rows = undefined;
          draws.forEach(({ token }, position) => (window.tokens[position] = token));
          const time = this.#steps?.[i].t ?? masks.length / (end - block.begin);
          yield revealed({ sample, step: number, time, offset: 0 }, positions, [...draws.values()]);
        }
        yield this.#ledger.progress(number + 1, { step: number + 1, time: 1 - (i + 1) / steps });
      }
      window.next();
    }
    yield this.#ledger.finish(sample, window.text());
  }

  #masksOf({ window: { tokens }, begin, end }: InBlock): number[] {
    const { maskId } = this.#denoiser.model;
    const positions = Array.from({ length: end - begin }, (_, k) => begin + k);
    return positions.filter((position) => tokens[position] === maskId);
  }

  /** Asks the network about the masks of the block. */
  async #read(block: InBlock, step: number): Promise<ReadonlyMap<number, Row>> {
    this.#pace.checkAborted();
    const { window, begin, end, sample } = block;
    const { maskId, dtype } = this.#denoiser.model;
    const [asked] = await askRows(this.#denoiser, {
      sequences: [window.tokens.subarray(0, end)],
      sigma: 0, // the network does not look at it
      asks: (token, position) => position >= begin && token === maskId,
      cache: this.#cache,
      signal: this.#run.signal,
      sample,
      step,
    });
    this.#ledger.called([{ sample }], asked.size);
    const rows = new Map<number, Row>();
    for (const [position, { values }] of asked) {
      logProbabilities(values, maskId, true, precisionOf(dtype));
      const probabilities = Float64Array.from(values, Math.exp);
      this.#nucleus?.filter(probabilities);
      rows.set(position, { logProbabilities: values, probabilities });
      if (this.#pace.spend(values.length)) await this.#pace.rest();
    }
    return rows;
  }

  /** Draws what a step reveals: token noise for the whole block, then which mask is hit first. */
  async #draw(
    { begin, end }: InBlock,
    masks: readonly number[],
    rows: ReadonlyMap<number, Row>,
    step: BlockStep | undefined,
  ): Promise<Map<number, Draw>> {
    const { vocabSize, maskId } = this.#denoiser.model;
    const uniforms = new Map<number, Float64Array>();
    for (let position = begin; position < end; position++) {
      if (!rows.has(position)) this.#noise.skip32(2 * vocabSize);
      else uniforms.set(position, Float64Array.from({ length: vocabSize }, this.#next));
      if (this.#pace.spend(vocabSize)) await this.#pace.rest();
    }
    const hit = step === undefined ? [masks[this.#noise.integer(masks.length)]] : masks;
    const draws = new Map<number, Draw>();
    for (const position of hit) {
      const [row, own] = [rows.get(position), uniforms.get(position)];
      if (row === undefined || own === undefined) continue; // every mask has both
      const token = this.#drawToken(row, own, step);
      if (token === maskId) continue;
      draws.set(position, {
        token,
        probability: chanceOf(token, row.probabilities, maskId),
        logProbability: masklessLogProbability(row.logProbabilities, token, maskId),
      });
    }
    return draws;
  }

  readonly #next = (): number => this.#noise.float64();

  #drawToken({ probabilities }: Row, uniforms: Float64Array, step: BlockStep | undefined): number {
    if (step === undefined) return drawWeighted(probabilities, uniforms);
    if (step.stay === -Infinity) return afterTheEnd(probabilities, this.#denoiser.model.maskId);
    const reveal = Math.fround(1 - step.stay);
    for (let v = 0; v < probabilities.length; v++) this.#weights[v] = probabilities[v] * reveal;
    this.#weights[this.#denoiser.model.maskId] = step.stay;
    return drawWeighted(this.#weights, uniforms);
  }
}

/**
 * Returns the token that a mask becomes in the last step, which begins at time 0. All weights are
 * divided by 0 there: a probability of 0 becomes NaN, which `torch.argmax` takes for the largest,
 * and every other one Infinity. So it is the first token that the nucleus left out, or token 0.
 */
function afterTheEnd(probabilities: Float64Array, maskId: number): number {
  const zero = probabilities.findIndex((p, v) => p === 0 && v !== maskId);
  return zero >= 0 ? zero : Number(maskId === 0);
}
