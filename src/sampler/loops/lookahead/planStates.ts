/**
 * Plans which states of a sample the network is asked about in one round: the state at hand, which
 * is certain, and states that probably follow. The noise of every later draw is known, so only the
 * network's rows are missing, and rows of nearby states stand in for them. What was planned decides
 * how many rounds a run takes and never what its tokens are: a later state's answer is used only if
 * the state comes out exactly as it was asked about.
 *
 * A state is asked about for one of two reasons. Either it is likely enough that it comes, or the
 * guesses that it rests on are poor, and its own rows make them better for the next round.
 */
import type { NoiseSource } from "../../draw/noise.ts";
import type { RacedDraw } from "../../draw/rowAddress.ts";
import type { Question } from "../question.ts";
import type { ActiveSample, Changes } from "../sampleState.ts";
import { ANY_TOKEN, chanceOf, nearestOf } from "./guess.ts";
import type { KnownRows } from "./knownRows.ts";

/** A state that the network is asked about. */
export interface PlannedState {
  /** [L] the window as it then stands. */
  readonly tokens: Int32Array;
  /** Where the window begins in the text, and where its part at hand ends. */
  readonly offset: number;
  readonly end: number;
  readonly step: number;
  /** t at which the network is asked. */
  readonly time: number;
  /** How many calls of the sample come before it from the state at hand on. */
  readonly depth: number;
  /**
   * Ascending positions whose rows are asked for: those that reveal, and those that help later
   * guesses.
   */
  readonly rows: readonly number[];
}

/** A state whose rows are still being chosen. */
type Draft = Omit<PlannedState, "rows"> & { readonly rows: Set<number> };

/** How far a plan may go. */
export interface PlanLimits {
  /** Most states, >= 1. */
  readonly states: number;
  /** Most calls ahead. */
  readonly depth: number;
  /**
   * With the last state, rows are asked for of what so many calls after it reveal. Where they come
   * to be known, guesses go farther and more states are asked about.
   */
  readonly further: number;
  /** What a sequence costs beside a saved call, in [0, 1]: a state less likely is not asked. */
  readonly price: number;
  /** The step before which the sample stops. */
  readonly until: number;
}

/** The lead of a draw that is not known. */
const USUAL_LEAD = 1.5;

/** @returns the states in the order of their calls, the certain one first. */
export function planStates(
  question: Question,
  known: KnownRows,
  noise: NoiseSource,
  limits: PlanLimits,
): PlannedState[] {
  const plan = draftStates(question, known, noise, limits);
  return plan.map(({ rows, ...one }) => ({ ...one, rows: [...rows].sort((a, b) => a - b) }));
}

/**
 * Tells whether a sample's next question is the one that was asked: the same state at the same
 * time, and the rows that reveal among those asked for.
 */
export function isAsAsked({ state, changes, time }: Question, asked: PlannedState): boolean {
  const { step, window } = state;
  return (
    step === asked.step &&
    time === asked.time &&
    window.offset === asked.offset &&
    window.tokens.every((token, i) => token === asked.tokens[i]) &&
    changes.reveals.every((position) => asked.rows.includes(position))
  );
}

function draftStates(
  { state: first, changes: firstChanges, time }: Question,
  known: KnownRows,
  noise: NoiseSource,
  { states, depth: most, further, price, until }: PlanLimits,
): Draft[] {
  const plan = [planned(first, firstChanges, time, 0)];
  if (states === 1) return plan;
  const poor = 1 - 2 * price;
  const { part } = first.window;
  const walker = first.clone(first.sample);
  let changes: Changes | undefined = firstChanges;
  let reach = 1;
  let unbroken = true;
  for (let depth = 0; changes !== undefined && depth < most; depth++) {
    const guesses: RacedDraw[] = [];
    const better: [Draft, number][] = [];
    let chance = 1;
    let chanceNext = 1;
    for (const position of changes.reveals) {
      const guess = known.guess(walker, position);
      const { tokens } = walker.window;
      const masking = plan.filter((one) => one.tokens[position] === tokens[position]);
      const near = nearestOf(masking, position, tokens);
      const lead = guess?.draw.lead ?? USUAL_LEAD;
      const ownChanges = guess?.changes ?? Infinity;
      chance *= guess === undefined ? 0 : chanceOf(ownChanges, lead);
      chanceNext *= chanceOf(Math.min(ownChanges, near?.changes ?? Infinity), lead);
      if (near !== undefined && near.changes < ownChanges) better.push([near.state, position]);
      if (guess !== undefined) guesses.push(guess.draw);
    }
    if (depth > 0) {
      const likely: boolean = unbroken && reach >= price;
      if (likely || chanceNext < poor) {
        plan.push(planned(walker, changes, walker.time, depth));
      } else {
        for (const [near, position] of better) near.rows.add(position);
      }
      unbroken = likely;
    }
    if (guesses.length < changes.reveals.length || plan.length === states) break;
    reach *= chance;
    walker.apply(changes, guesses);
    changes = nextChanges(walker, noise, until);
    if (walker.window.part !== part) return plan;
  }
  if (changes !== undefined) {
    askFurther(plan[plan.length - 1], walker, changes, noise, { further, until });
  }
  return plan;
}

function planned(
  { step, window: { tokens, offset, end } }: ActiveSample,
  { reveals }: Changes,
  time: number,
  depth: number,
): Draft {
  return { tokens: tokens.slice(), offset, end, step, time, depth, rows: new Set(reveals) };
}

/** Goes through the steps that reveal nothing; undefined at the end. */
function nextChanges(walker: ActiveSample, noise: NoiseSource, until: number): Changes | undefined {
  while (!walker.finished && walker.step < until) {
    const changes = walker.drawChanges(noise);
    if (changes.reveals.length > 0) return changes;
    walker.apply(changes, []);
  }
  return undefined;
}

/**
 * Adds to a state the rows of what the calls after the plan reveal, whatever they draw: their
 * positions follow from the noise, for most strategies without the tokens.
 */
function askFurther(
  { tokens, rows }: Draft,
  walker: ActiveSample,
  changes: Changes,
  noise: NoiseSource,
  { further, until }: Pick<PlanLimits, "further" | "until">,
): void {
  const { part, tokens: masked } = walker.window;
  let next: Changes | undefined = changes;
  for (let calls = 0; next !== undefined && calls <= further; calls++) {
    for (const position of next.reveals) {
      if (tokens[position] === masked[position]) rows.add(position);
    }
    walker.apply(
      next,
      Array.from(next.reveals, () => ANY_TOKEN),
    );
    next = nextChanges(walker, noise, until);
    if (walker.window.part !== part) return;
  }
}
