/**
 * The guided loop draws N particles for each sample and steers them by a reward r. Sequential Monte
 * Carlo (`smc`) stops the particles of a sample before the same step and weighs each by
 * exp(lambda (r - r0)), where r0 is its reward when it was last resampled (0 at the beginning). It
 * resamples when the effective sample size is small. The factors multiply to exp(lambda r) of the
 * finished text (Singhal et al., "Feynman-Kac steering", arXiv 2501.06848), so the particle that is
 * drawn by its weight at the end has, as N grows, the distribution p(x) exp(lambda r(x)) / Z.
 *
 * Particle j of sample i is a sample of its own, number i N + j, for the loop that carries it, and
 * draws with this number, also after it became a copy of another one.
 */
import { RemdmError } from "../../foundation/errors.ts";
import { Pace } from "../../foundation/pace.ts";
import type { Denoiser, TokenId } from "../denoiser.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type {
  FinishedEvent,
  GuidedSample,
  ProgressEvent,
  SamplerEvent,
  SamplerOutcome,
  WeighedParticle,
  WeightedEvent,
} from "../events.ts";
import type { PreparedGuide } from "../guide.ts";
import type { PreparedRun } from "../prepare.ts";
import type { Ledger } from "./ledger.ts";
import { drawOffspring, pick, placeOffspring, weightsOf, type Weights } from "./resampling.ts";

/** A sample that can be stopped before a step, copied, and taken on from there. */
export interface Particle<Self> {
  /** The number that it draws with. */
  readonly sample: number;
  readonly step: number;
  readonly stepsDone: number;
  /** t at the start of the step. */
  readonly time: number;
  /** Whether nothing can change any more. */
  readonly finished: boolean;
  readonly window: { text(): TokenId[] };
  /** Copies it as it stands. @param sample the number that the copy draws with. */
  clone(sample: number): Self;
}

/** A loop that takes samples from one step to another. */
export interface ParticleLoop<Sample> {
  readonly ledger: Ledger;
  /** Makes a sample before its first step. */
  begin(number: number): Sample;
  /**
   * Takes samples that stand before the same step to the step `until`, or to their end, in calls of
   * `batchSize` sequences at most.
   */
  advance(samples: readonly Sample[], until: number): AsyncGenerator<SamplerEvent, void, void>;
  /** Ends what the loop keeps in the denoiser. */
  release?(): void;
}

/** Added to L: the position whose random numbers resample and choose (`NoiseSource.position`). */
const RESAMPLING = 3;
/** Rewards times lambda stay within this, so that their differences are finite. */
const LARGEST = Number.MAX_VALUE / 4;

/** The particles of one sample. */
interface Group<Sample> {
  readonly sample: number;
  readonly particles: Sample[];
  /** [N] lambda r when each was last resampled. */
  readonly before: number[];
  /** Log of the product of the mean weights at each resampling. */
  logMean: number;
  /** Whether its sample is chosen. */
  done: boolean;
}

/** What the reward says of a group. */
interface Judged {
  /** [N] */
  readonly rewards: readonly number[];
  /** [N] lambda r */
  readonly scaled: readonly number[];
  readonly weights: Weights;
}

export class Guided<Sample extends Particle<Sample>> {
  readonly #loop: ParticleLoop<Sample>;
  readonly #run: PreparedRun & { readonly guide: PreparedGuide };
  readonly #maskId: TokenId;
  readonly #noise: NoiseSource;
  readonly #pace: Pace;
  #open: readonly Group<Sample>[] = [];

  constructor(
    loop: ParticleLoop<Sample>,
    { model }: Denoiser,
    run: PreparedRun & { readonly guide: PreparedGuide },
    noise: NoiseSource,
  ) {
    this.#loop = loop;
    this.#run = run;
    this.#maskId = model.maskId;
    this.#noise = noise;
    this.#pace = new Pace(run.signal);
  }

  /** Guides as many samples at a time as there is room for in a call; one at least. */
  async *events(): AsyncGenerator<SamplerEvent, void, void> {
    const { samples, firstSample, batchSize, guide } = this.#run;
    const together = Math.max(1, Math.floor(batchSize / guide.particles));
    try {
      for (let begin = 0; begin < samples; begin += together) {
        const length = Math.min(together, samples - begin);
        this.#open = Array.from({ length }, (_, i) => this.#begin(firstSample + begin + i));
        yield* this.#guide();
      }
      yield this.#progress();
    } finally {
      this.#loop.release?.();
    }
  }

  outcome(): SamplerOutcome {
    return this.#loop.ledger.outcome();
  }

  #begin(sample: number): Group<Sample> {
    const { particles: length } = this.#run.guide;
    return {
      sample,
      particles: Array.from({ length }, (_, j) => this.#loop.begin(sample * length + j)),
      before: new Array<number>(length).fill(0),
      logMean: 0,
      done: false,
    };
  }

  /** Takes the open groups to their end. */
  async *#guide(): AsyncGenerator<SamplerEvent, void, void> {
    const { guide } = this.#run;
    const every = guide.method === "smc" ? guide.every : Infinity;
    for (let until = every; this.#open.length > 0; until += every) {
      const all = this.#open.flatMap(({ particles }) => particles);
      const moving = all.filter(({ finished }) => !finished);
      for await (const event of this.#loop.advance(moving, until)) {
        if (event.type === "progress") yield this.#progress();
      }
      for (const group of this.#open) yield* this.#weigh(group, until);
      this.#open = this.#open.filter(({ done }) => !done);
    }
  }

  /** Weighs a group, then resamples it or chooses its sample. */
  async *#weigh(
    group: Group<Sample>,
    step: number,
  ): AsyncGenerator<WeightedEvent | FinishedEvent, void, void> {
    const { guide } = this.#run;
    const judged = await this.#judge(group);
    if (group.particles.every(({ finished }) => finished)) {
      group.done = true;
      if (guide.method === "smc") yield weighted(group, judged, undefined);
      yield this.#finish(group, judged);
      return;
    }
    if (guide.method === "best-of-n") return; // it advances to the end at once
    const ancestors = this.#drawAncestors(group, judged, guide, step);
    const event = weighted(group, judged, ancestors);
    if (ancestors !== undefined) replace(group, judged, ancestors);
    yield event;
  }

  async #judge(group: Group<Sample>): Promise<Judged> {
    const { guide, length } = this.#run;
    const strength = guide.method === "smc" ? guide.strength : 1;
    this.#pace.checkAborted();
    const rewards: number[] = [];
    for (let j = 0; j < group.particles.length; j++) {
      rewards.push(this.#rewardOf(group, j));
      if (this.#pace.spend(length)) await this.#pace.rest();
    }
    const scaled = rewards.map((reward) => (strength === 0 ? 0 : strength * reward));
    const weights = weightsOf(scaled.map((now, j) => now - group.before[j]));
    return { rewards, scaled, weights };
  }

  /** @throws RemdmError `reward_invalid`; what the reward throws. */
  #rewardOf({ sample, particles }: Group<Sample>, j: number): number {
    const { guide } = this.#run;
    const strength = guide.method === "smc" ? guide.strength : 1;
    const one = particles[j];
    const tokens = Int32Array.from(one.window.text());
    const { finished, step } = one;
    const reward: unknown = guide.reward({ tokens, maskId: this.#maskId, finished });
    const isNumber = typeof reward === "number";
    if (isNumber && (reward === -Infinity || Math.abs(reward * strength) <= LARGEST)) return reward;
    const said = isNumber ? String(reward) : `a value of type ${typeof reward}`;
    throw new RemdmError(
      `The reward is ${said} for sample ${sample}, particle ${j}, before step ${step}`,
      {
        code: "reward_invalid",
        remedy:
          "Let the reward return a finite number at once, no promise, or -Infinity to rule a text out.",
      },
    );
  }

  /** @returns undefined where nothing is resampled. */
  #drawAncestors(
    { sample, particles }: Group<Sample>,
    { weights }: Judged,
    guide: Extract<PreparedGuide, { method: "smc" }>,
    step: number,
  ): number[] | undefined {
    const { effectiveSampleSize, normalized } = weights;
    const size = particles.length;
    // Where all are ruled out there is nothing to draw by, and what is masked may still allow them.
    if (effectiveSampleSize === 0) return undefined;
    if (effectiveSampleSize >= guide.resampleBelow * size) return undefined;
    const offspring = drawOffspring(guide.resampling, normalized, (k) => {
      return this.#uniform(sample * size + k, step);
    });
    return placeOffspring(offspring);
  }

  #uniform(number: number, step: number): number {
    return this.#noise.position(number, step, this.#run.length + RESAMPLING);
  }

  /** @throws RemdmError `all_ruled_out`. */
  #finish(group: Group<Sample>, judged: Judged): FinishedEvent {
    const { method } = this.#run.guide;
    const { sample, particles } = group;
    const { rewards, weights } = judged;
    const best = rewards.indexOf(Math.max(...rewards));
    if (weights.effectiveSampleSize === 0) throw allRuledOut(sample, particles.length);
    const isBest = method === "best-of-n";
    const chosen = isBest
      ? best
      : pick(weights.normalized, this.#uniform(sample * particles.length, 0));
    const shares = isBest ? rewards.map((_, j) => Number(j === best)) : weights.normalized;
    const guided: GuidedSample = {
      particle: chosen,
      reward: rewards[chosen],
      ...(!isBest && { logMean: group.logMean + weights.logMean }),
      particles: weighed(group, rewards, shares),
    };
    return this.#loop.ledger.finish(sample, particles[chosen].window.text(), guided);
  }

  #progress(): ProgressEvent {
    const all = this.#open.flatMap(({ particles }) => particles);
    const underWay = all.reduce((sum, { stepsDone }) => sum + stepsDone, 0);
    const first = all.find(({ finished }) => !finished);
    return this.#loop.ledger.progress(underWay, first);
  }
}

/** Puts copies of the particles that go on in place of those that end, all of equal weight. */
function replace<Sample extends Particle<Sample>>(
  group: Group<Sample>,
  { scaled, weights }: Judged,
  ancestors: readonly number[],
): void {
  const { particles, before } = group;
  group.logMean += weights.logMean;
  ancestors.forEach((ancestor, j) => {
    if (ancestor !== j) particles[j] = particles[ancestor].clone(particles[j].sample);
    before[j] = scaled[ancestor];
  });
}

function weighted<Sample extends Particle<Sample>>(
  group: Group<Sample>,
  { rewards, weights }: Judged,
  ancestors: readonly number[] | undefined,
): WeightedEvent {
  const { sample, particles } = group;
  const { time = 0 } = particles.find(({ finished }) => !finished) ?? {};
  return {
    type: "weighted",
    sample,
    step: Math.max(...particles.map(({ step }) => step)),
    time,
    particles: weighed(group, rewards, weights.normalized),
    effectiveSampleSize: weights.effectiveSampleSize,
    ...(ancestors !== undefined && { ancestors }),
  };
}

function weighed<Sample extends Particle<Sample>>(
  { particles }: Group<Sample>,
  rewards: readonly number[],
  weights: readonly number[],
): WeighedParticle[] {
  return particles.map((one, j) => {
    return { tokens: one.window.text(), reward: rewards[j], weight: weights[j] };
  });
}

function allRuledOut(sample: number, particles: number): RemdmError {
  return new RemdmError(
    `The reward rules out each of the ${particles} particles of sample ${sample}`,
    {
      code: "all_ruled_out",
      remedy: "Take more particles, or let the reward return a low number instead of -Infinity.",
    },
  );
}
