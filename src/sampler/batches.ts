/** The frame of the runs in which a batch of samples goes in step: one batch after the other. */
import type { Denoiser } from "./denoiser.ts";
import type { SamplerEvent } from "./events.ts";
import type { Ledger } from "./ledger.ts";
import type { ResolvedOptions } from "./options.ts";

/** Samples one batch. @param samples their numbers. @returns the final tokens of each. */
export type SampleBatch = (
  samples: readonly number[],
) => AsyncGenerator<SamplerEvent, readonly Int32Array[], void>;

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
      const texts = yield* sampleBatch(numbers);
      for (const [b, text] of texts.entries()) yield ledger.finish(numbers[b], text);
      yield ledger.progress(0);
    }
  } finally {
    denoiser.release?.(cache);
  }
}
