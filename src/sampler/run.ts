/** The entrance of the sampler: every way of a run gives the same events and the same outcome. */
import { AutoregressiveRun } from "./loops/leftToRight.ts";
import { DenseRun } from "./loops/parity/run.ts";
import type { Denoiser } from "./denoiser.ts";
import type { SamplerEvent, SamplerOptions, SamplerOutcome } from "./events.ts";
import { EventRun } from "./loops/drawFirst.ts";
import { PhiloxNoise, type NoiseSource } from "./draw/noise.ts";
import { resolveOptions, type ResolvedOptions } from "./options.ts";
import { ScoreRun } from "./loops/askFirst.ts";

/** One run: its events, to be pulled once, then its outcome. */
interface Run {
  events(): AsyncGenerator<SamplerEvent, void, void>;
  outcome(): SamplerOutcome;
}

/**
 * Samples sequences and tells of every change. Nothing is under way between two events: leave the loop, and the run
 * is over.
 * @param noise in the place of the default one, which is keyed by `options.seed`; `noise: "torch"` does not look at it.
 * @returns the tokens and counts, as the generator's return value.
 * @throws OptionError before anything starts; AbortedError; RemdmError `denoiser_invalid`; what the denoiser throws.
 */
export async function* sampleEvents(
  denoiser: Denoiser,
  options: SamplerOptions,
  noise?: NoiseSource,
): AsyncGenerator<SamplerEvent, SamplerOutcome, void> {
  const resolved = resolveOptions(options, denoiser.model);
  const run = runOf(denoiser, resolved, noise ?? new PhiloxNoise(resolved.seed));
  yield* run.events();
  return run.outcome();
}

function runOf(denoiser: Denoiser, options: ResolvedOptions, noise: NoiseSource): Run {
  const { method } = options;
  switch (method.kind) {
    case "events":
      return new EventRun(denoiser, options, method.plan, noise);
    case "scores":
      return new ScoreRun(denoiser, options, method.times, noise);
    case "autoregressive":
      return new AutoregressiveRun(denoiser, options, method.dense, noise);
    case "dense":
      return new DenseRun(denoiser, options, method, noise);
  }
}

/** {@link sampleEvents} for those who want the result only. */
export async function sample(
  denoiser: Denoiser,
  options: SamplerOptions,
  noise?: NoiseSource,
): Promise<SamplerOutcome> {
  const events = sampleEvents(denoiser, options, noise);
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value;
  }
}
