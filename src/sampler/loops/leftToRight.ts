/**
 * The left-to-right loop asks for one row in each step, the row after the last token, and a
 * denoiser that caches computes nothing else. Original: `_ar_sampler`, which computes the whole
 * prefix anew for every token.
 */
import { adjusted, checkNotBanned } from "./adjusted.ts";
import { revealed } from "./changeEvents.ts";
import { inBatches } from "./batches.ts";
import { nextCache } from "./caches.ts";
import { blankText } from "./blankText.ts";
import { RowSampler, type Draw, type RowAddress } from "../draw/rowSampler.ts";
import { AutoregressiveDraw } from "./parity/autoregressiveDraw.ts";
import type { Denoiser } from "../denoiser.ts";
import type { SamplerEvent, SamplerOutcome } from "../events.ts";
import { Ledger } from "./ledger.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { PreparedRun } from "../prepare.ts";
import { Pace } from "../../foundation/pace.ts";
import { ask, stack } from "./question.ts";

/** Chooses the next token of sequence `b` of the batch. @param row [V] raw logits. */
type ChooseToken = (row: Float32Array, b: number, at: RowAddress) => Draw;

/** One sequence of the batch. */
interface Sequence {
  readonly sample: number;
  /** Its place in the whole batch, which shrinks when sequences end. */
  readonly b: number;
  readonly tokens: Int32Array;
}

export class LeftToRight {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  readonly #pace: Pace;
  readonly #ledger: Ledger;
  readonly #choose: ChooseToken;
  readonly #parity: AutoregressiveDraw | undefined;
  readonly #cache = nextCache();

  /** @param dense whether to round as the original does, with PyTorch's noise. */
  constructor(denoiser: Denoiser, run: PreparedRun, dense: boolean, noise: NoiseSource) {
    this.#denoiser = denoiser;
    this.#run = run;
    this.#pace = new Pace(run.signal);
    this.#ledger = new Ledger(run);
    const rows = new RowSampler(denoiser.model, run);
    const parity = dense ? new AutoregressiveDraw(denoiser.model, run) : undefined;
    this.#parity = parity;
    this.#choose =
      parity === undefined
        ? (row, _, at) => rows.draw(row, at, noise)
        : (row, b) => parity.draw(row, b);
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const sampleBatch = (samples: readonly number[]) => this.#sample(samples);
    return inBatches(this.#denoiser, this.#run, this.#ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.#ledger.outcome();
  }

  async *#sample(samples: readonly number[]): AsyncGenerator<SamplerEvent, void, void> {
    const { steps, pinned, endIds } = this.#run;
    const { model } = this.#denoiser;
    this.#parity?.begin(samples.length);
    let open = samples.map((sample, b): Sequence => {
      return { sample, b, tokens: blankText(this.#run, model) };
    });
    for (let step = 0; step < steps && open.length > 0; step++) {
      const position = step + 1;
      if (pinned.has(position)) continue;
      const rows = await this.#askNext(open, position);
      const time = 1 - step / steps;
      const goOn: Sequence[] = [];
      for (const [i, sequence] of open.entries()) {
        const { sample, b, tokens } = sequence;
        const row = rows.subarray(i * model.vocabSize, (i + 1) * model.vocabSize);
        const draw = this.#choose(row, b, { sample, step, position });
        const { token } = draw;
        checkNotBanned(token, this.#run);
        tokens[position] = token;
        if (this.#pace.spendTokens(model.vocabSize)) await this.#pace.rest();
        if (endIds.includes(token)) {
          yield this.#ledger.finish(sample, tokens.subarray(0, position + 1));
          continue;
        }
        goOn.push(sequence);
        yield revealed({ sample, step, time, offset: 0 }, [position], [draw]);
      }
      open = goOn;
      const isOver = position === steps || open.length === 0;
      const next = isOver ? undefined : { step: position, time: 1 - position / steps };
      yield this.#ledger.progress(open.length * position, next);
    }
    for (const { sample, tokens } of open) yield this.#ledger.finish(sample, tokens);
  }

  /** Asks for the next rows. @returns [B, V] the rows that say what comes at `position`. */
  async #askNext(batch: readonly Sequence[], position: number): Promise<Float32Array> {
    this.#pace.checkAborted();
    const request = {
      batch: batch.length,
      length: position,
      tokens: stack(batch.map(({ tokens }) => tokens.subarray(0, position))),
      sigma: new Float32Array(batch.length),
      rows: Int32Array.from(batch, (_, b) => (b + 1) * position - 1),
      cache: this.#cache,
    };
    const asked = adjusted(request, this.#run, []);
    const logits = await ask(this.#denoiser, asked, this.#run.signal);
    this.#ledger.called(batch, batch.length);
    return logits;
  }
}
