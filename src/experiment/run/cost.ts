/** Estimates how long an experiment still takes, from estimated costs and measured speeds. */
import { compilePlan } from "../../sampler/plan.ts";
import { asksFirst, takesSteps } from "../../sampler/strategies/find.ts";
import type { Cell } from "../file/cell.ts";

/**
 * Estimates the mean number of network calls that a sample takes part in: the steps that reveal at
 * least one of its positions, if as many are masked as expected.
 * @param length of the sample, in tokens.
 */
export function expectedCalls(cell: Cell, length: number): number {
  const { blockLength } = cell;
  if (blockLength === undefined || blockLength >= length) return callsOfPart(cell, length);
  const rest = length % blockLength;
  const whole = Math.floor(length / blockLength) * callsOfPart(cell, blockLength);
  return whole + (rest === 0 ? 0 : callsOfPart(cell, rest));
}

/** Estimates the same of a sample that is generated as a whole, or of one block. */
function callsOfPart(cell: Cell, length: number): number {
  const { strategy, quirks, executor } = cell;
  if (cell.steps === undefined && !takesSteps(strategy))
    return length * (1 + expectedRemasks(strategy));
  const steps = cell.steps ?? length;
  if (asksFirst(strategy) || strategy.kind === "analytic" || executor === "dense") return steps;
  const plan = compilePlan(strategy, steps, { quirks });
  let masked = length;
  let calls = 0;
  for (let step = 0; step < plan.steps; step++) {
    const [reveal, remask] = [plan.reveal[step], plan.remask[step]];
    calls += 1 - (1 - Math.min(1, reveal)) ** masked;
    // Under confidence the positions share one chance.
    const remasked = plan.confidence ? remask : remask * (length - masked);
    masked = Math.min(length, Math.max(0, masked - masked * reveal + remasked));
  }
  return calls + (1 - Math.exp(-masked)); // the final noise removal
}

/**
 * Returns how often a position is remasked in continuous time, on average: the integral of rate *
 * (1 - t) from tSwitch to 0. Strategies of one's own are taken for ones that never remask.
 */
function expectedRemasks(strategy: Cell["strategy"]): number {
  if (!("rate" in strategy)) return 0;
  const { rate = 0, tSwitch = 1 } = strategy;
  return rate * (tSwitch - tSwitch ** 2 / 2);
}

/** Length of a sample, in tokens, while no model has told its own. */
export const ASSUMED_LENGTH = 1024;

interface Work {
  /** Name of the model, whose speed is measured by itself. */
  readonly model: string;
  /** Cost of sampling: samples x calls. */
  readonly units: number;
  readonly samples: number;
}

/** Measures seconds per unit. */
class Pace {
  #units = 0;
  #seconds = 0;

  add(units: number, seconds: number): void {
    this.#units += units;
    this.#seconds += seconds;
  }

  get secondsPerUnit(): number | undefined {
    return this.#units > 0 ? this.#seconds / this.#units : undefined;
  }
}

/** Estimates the share of the work that is done, and the seconds that are left. */
export class Estimate {
  readonly #left = new Map<string, Work & { sampling: number; evaluating: number }>();
  readonly #sampling = new Map<string, Pace>();
  readonly #evaluating = new Pace();
  readonly #all: Map<string, Work>;
  #most = 0;

  /** @param work of every cell, by its id. */
  constructor(work: ReadonlyMap<string, Work>) {
    this.#all = new Map(work);
    for (const [id, one] of work) this.#left.set(id, { ...one, sampling: 1, evaluating: 1 });
  }

  /** Corrects the cost of a cell. */
  resize(id: string, units: number): void {
    const [all, left] = [this.#all.get(id), this.#left.get(id)];
    if (all !== undefined) this.#all.set(id, { ...all, units });
    if (left !== undefined) this.#left.set(id, { ...left, units });
  }

  /** Notes that a cell was finished in an earlier session. */
  skip(id: string): void {
    this.#left.delete(id);
  }

  /**
   * Notes that a cell was sampled further.
   * @param left share of its samples that are still to be drawn.
   * @param seconds that the samples since the last call took; 0 for an earlier session's.
   */
  sampled(id: string, left: number, seconds: number): void {
    const work = this.#left.get(id);
    if (work === undefined) return;
    const pace = this.#sampling.get(work.model) ?? new Pace();
    this.#sampling.set(work.model, pace);
    if (seconds > 0) pace.add((work.sampling - left) * work.units, seconds);
    work.sampling = left;
  }

  /** Notes that references were judged. */
  judged(texts: number, seconds: number): void {
    this.#evaluating.add(texts, seconds);
  }

  /** Notes that a cell was evaluated. */
  evaluated(id: string, seconds: number): void {
    const work = this.#left.get(id);
    if (work === undefined) return;
    this.#evaluating.add(work.samples, seconds);
    this.#left.delete(id);
  }

  /** Seconds that are left; undefined while nothing has been measured. */
  get secondsLeft(): number | undefined {
    const mean = this.#meanPace;
    if (mean === undefined) return undefined;
    let seconds = 0;
    for (const { sampling, evaluating, ...work } of this.#left.values()) {
      const cost = this.#cost(work, mean);
      seconds += cost.sampling * sampling + cost.evaluating * evaluating;
    }
    return seconds;
  }

  /** Share of the work that is done, in [0, 1]; it never falls, even if more work appears. */
  get share(): number {
    const mean = this.#meanPace ?? 1;
    let [total, left] = [0, 0];
    for (const [id, work] of this.#all) {
      const cost = this.#cost(work, mean);
      const still = this.#left.get(id) ?? { sampling: 0, evaluating: 0 };
      total += cost.sampling + cost.evaluating;
      left += cost.sampling * still.sampling + cost.evaluating * still.evaluating;
    }
    this.#most = Math.max(this.#most, total === 0 ? 1 : 1 - left / total);
    return this.#most;
  }

  /** Mean seconds per unit of sampling over the models that were measured. */
  get #meanPace(): number | undefined {
    const known = [...this.#sampling.values()].flatMap((pace) => pace.secondsPerUnit ?? []);
    return known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0) / known.length;
  }

  /** Gives seconds; before any sampling was measured, units of sampling, and 0 for evaluating. */
  #cost({ model, units, samples }: Work, mean: number): { sampling: number; evaluating: number } {
    return {
      sampling: units * (this.#sampling.get(model)?.secondsPerUnit ?? mean),
      evaluating:
        this.#meanPace === undefined ? 0 : samples * (this.#evaluating.secondsPerUnit ?? 0),
    };
  }
}
