/** Runs the sampler: every loop gives the same kinds of events and of outcome. */
import { OptionError } from "../foundation/errors.ts";
import { LeftToRight } from "./loops/leftToRight.ts";
import { Published } from "./loops/parity/published.ts";
import { BlockParity } from "./loops/parity/blocks.ts";
import { Parity } from "./loops/parity/run.ts";
import type { Denoiser } from "./denoiser.ts";
import type { SamplerEvent, SamplerOptions, SamplerOutcome } from "./events.ts";
import { DrawFirst } from "./loops/drawFirst.ts";
import { Guided, type Particle, type ParticleLoop } from "./loops/guided.ts";
import { PhiloxNoise, type NoiseSource } from "./draw/noise.ts";
import { RowPool } from "./draw/workers/rowPool.ts";
import { prepare, type PreparedRun } from "./prepare.ts";
import { AskFirst } from "./loops/askFirst.ts";

/** One run of a loop: its events, to be pulled once, then its outcome. */
interface Loop {
  events(): AsyncGenerator<SamplerEvent, void, void>;
  outcome(): SamplerOutcome;
}

/**
 * Samples sequences and tells every change. No work is under way between two events: leave the
 * loop, and the run is over.
 * @param noise replaces the default noise, which is keyed by `options.seed`; `noise: "torch"`
 *   ignores it.
 * @param pool draws rows beside the calling thread, where the noise is the default one.
 * @returns the tokens and counts, as the generator's return value.
 * @throws OptionError before anything starts; AbortedError; RemdmError `denoiser_invalid`,
 *   `strategy_invalid`; what the denoiser throws.
 */
export async function* sampleEvents(
  denoiser: Denoiser,
  options: SamplerOptions,
  noise?: NoiseSource,
  pool?: RowPool,
): AsyncGenerator<SamplerEvent, SamplerOutcome, void> {
  if (pool !== undefined && !(pool instanceof RowPool)) {
    throw new OptionError("pool", pool, "a RowPool");
  }
  return yield* runEvents(denoiser, prepare(options, denoiser.model), noise, pool);
}

/** Does what {@link sampleEvents} does for a run that is prepared already. */
export async function* runEvents(
  denoiser: Denoiser,
  run: PreparedRun,
  noise: NoiseSource = new PhiloxNoise(run.seed),
  pool?: RowPool,
): AsyncGenerator<SamplerEvent, SamplerOutcome, void> {
  const loop = loopOf(denoiser, run, noise, pool);
  yield* loop.events();
  return loop.outcome();
}

function loopOf(
  denoiser: Denoiser,
  run: PreparedRun,
  noise: NoiseSource,
  pool: RowPool | undefined,
): Loop {
  const { loop } = run;
  switch (loop.kind) {
    case "drawFirst":
    case "events":
      return guided(new DrawFirst(denoiser, run, loop, noise, pool), denoiser, run, noise);
    case "askFirst":
      return guided(new AskFirst(denoiser, run, loop, noise, pool), denoiser, run, noise);
    case "leftToRight":
      return new LeftToRight(denoiser, run, loop.parity, noise);
    case "parity":
      return new Parity(denoiser, run, loop, noise);
    case "blockParity":
      return new BlockParity(denoiser, run, loop.rule);
    case "published":
      return new Published(denoiser, run, loop.rule);
  }
}

/** Steers the loop where the run has a guide. */
function guided<Sample extends Particle<Sample>>(
  loop: ParticleLoop<Sample> & Loop,
  denoiser: Denoiser,
  run: PreparedRun,
  noise: NoiseSource,
): Loop {
  const { guide } = run;
  return guide === undefined ? loop : new Guided(loop, denoiser, { ...run, guide }, noise);
}

/** Samples sequences and returns the outcome only: {@link sampleEvents} without the events. */
export async function sample(
  denoiser: Denoiser,
  options: SamplerOptions,
  noise?: NoiseSource,
  pool?: RowPool,
): Promise<SamplerOutcome> {
  const events = sampleEvents(denoiser, options, noise, pool);
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value;
  }
}
