/**
 * Runs one batch of samples after the other, for loops in which the samples of a batch take each
 * step together.
 */
import type { Denoiser } from "../denoiser.ts";
import type { SamplerEvent } from "../events.ts";
import type { Ledger } from "./ledger.ts";
import type { PreparedRun } from "../prepare.ts";

/** Samples one batch and finishes each of its samples. @param samples their numbers. */
export type SampleBatch = (samples: readonly number[]) => AsyncGenerator<SamplerEvent, void, void>;

/**
 * Samples all batches of a run.
 * @param cache that the batches use, one after the other; released at the end, also after an error.
 */
export async function* inBatches(
  denoiser: Denoiser,
  { samples, batchSize, firstSample }: PreparedRun,
  ledger: Ledger,
  cache: number,
  sampleBatch: SampleBatch,
): AsyncGenerator<SamplerEvent, void, void> {
  try {
    for (let begin = 0; begin < samples; begin += batchSize) {
      const length = Math.min(batchSize, samples - begin);
      const numbers = Array.from({ length }, (_, b) => firstSample + begin + b);
      yield* sampleBatch(numbers);
      yield ledger.progress();
    }
  } finally {
    denoiser.release?.(cache);
  }
}
