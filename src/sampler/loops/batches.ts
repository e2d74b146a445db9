/** The frame of the runs in which a batch of samples goes in step: one batch after the other. */
import type { Denoiser } from "../denoiser.ts";
import type { SamplerEvent } from "../events.ts";
import type { Ledger } from "./ledger.ts";
import type { ResolvedOptions } from "../options.ts";

/** Samples one batch and finishes each of its samples. @param samples their numbers. */
export type SampleBatch = (samples: readonly number[]) => AsyncGenerator<SamplerEvent, void, void>;

/** @param cache that the batches use, one after the other; released at the end, however that comes. */
export async function* inBatches(
  denoiser: Denoiser,
  { samples, batchSize, firstSample }: ResolvedOptions,
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
