/**
 * `RowLookahead` guesses which states of a sample follow in the ask-first loop, so that the network
 * is asked about them together with the state at hand. A copy of the sample takes the steps: the
 * strategy selects by the statistics of the nearest states that are known, and tokens are drawn
 * from their rows with the noise of the step in which they would come. What is guessed decides how
 * many rounds a run takes and never what its tokens are: the answer about a guessed state is used
 * only if the sample comes to stand exactly there.
 *
 * The guesses are a tree, because the order is less certain than the tokens: next to what the
 * strategy would select stands what it would select without a position of that.
 */
import type { Draw } from "../../draw/rowAddress.ts";
import type { AskedState } from "../rowForward.ts";
import type { BegunStep, RowAnswer, RowSteps } from "../rowSteps.ts";
import type { CheckedSelection } from "../selection.ts";
import { ANY_TOKEN, chanceOf } from "./guess.ts";
import { RANKS, type GuessRates } from "./guessRates.ts";
import { KnownRows, type DrawGuess } from "./knownRows.ts";
import { KnownStatistics } from "./knownStatistics.ts";
import type { LookAhead } from "./roundCost.ts";

/** A state that may follow. */
interface Follower {
  readonly begun: BegunStep;
  /** Steps after the state at hand. */
  readonly depth: number;
  /** In (0, 1], over all orders that lead there. */
  chance: number;
}

/** What one step may make of a state. */
interface StepGuess {
  readonly selection: CheckedSelection;
  /** The chance of the tokens, if the selection is right. */
  readonly ofTokens: number;
  /** The state that follows; undefined where it is not known, or the network is not asked there. */
  readonly next: BegunStep | undefined;
}

/** With each state, rows of what it and so many steps after it reveal are asked for. */
const STEPS_FURTHER = 4;

export class RowLookahead {
  readonly #steps: RowSteps;
  readonly #rates: GuessRates;
  readonly #statistics = new KnownStatistics();
  readonly #rows: KnownRows;
  /** Of the states that were planned last, the likeliest selection first. */
  readonly #guesses = new Map<BegunStep, readonly StepGuess[]>();

  constructor(steps: RowSteps, rates: GuessRates, draw: DrawGuess) {
    this.#steps = steps;
    this.#rates = rates;
    this.#rows = new KnownRows(draw);
  }

  /**
   * Keeps what the network said, to guess from.
   * @param now the state at hand: what is not asked about there any more is left out.
   */
  remember(states: readonly AskedState[], now: BegunStep): void {
    const { tokens } = now.sample.window;
    const nearest = states
      .map((state) => ({ state, differs: differences(state.tokens, tokens) }))
      .sort((a, b) => a.differs - b.differs)
      .map(({ state }) => state);
    this.#statistics.add(nearest);
    const asked = new Set(now.positions);
    for (const state of nearest.reverse()) {
      for (const [position, row] of state.rows) {
        if (asked.has(position)) this.#rows.add(position, row, state);
      }
    }
    this.#rows.tidy();
  }

  /** @returns the states to ask about, the one at hand first. */
  plan(now: BegunStep, { states, depth: most, price }: LookAhead): BegunStep[] {
    this.#guesses.clear();
    const planned: BegunStep[] = [];
    let open: Follower[] = [{ begun: now, depth: 0, chance: 1 }];
    while (open.length > 0) {
      const best = open.reduce((a, b) => (b.chance > a.chance ? b : a));
      open = open.filter((one) => one !== best);
      planned.push(best.begun);
      if (planned.length === states) break;
      if (best.depth === most) continue;
      const guesses = this.#guessStep(best.begun);
      this.#guesses.set(best.begun, guesses);
      guesses.forEach(({ ofTokens, next }, rank) => {
        const chance = best.chance * this.#rates.of(rank) * ofTokens;
        if (next === undefined || chance < price || planned.some((one) => isSame(one, next)))
          return;
        const twin = open.find((one) => isSame(one.begun, next));
        if (twin === undefined) open.push({ begun: next, depth: best.depth + 1, chance });
        else twin.chance += chance;
      });
    }
    return planned;
  }

  /**
   * Learns which guess came true.
   * @param begun a state that was planned.
   * @param selected what the strategy selects there.
   */
  learn(begun: BegunStep, selected: CheckedSelection): void {
    const guesses = this.#guesses.get(begun) ?? [];
    const came = guesses.findIndex(({ selection }) => {
      return isEqual(selection.tokens, selected.tokens) && isEqual(selection.masks, selected.masks);
    });
    this.#rates.record(guesses.length, came);
  }

  /**
   * Returns the positions whose rows are asked for: those that become tokens in the state, and
   * those that the strategy would take next if the rows stayed as they are.
   */
  wanted({ begun, numbers }: AskedState): number[] {
    const wanted = new Set<number>();
    guess(() => {
      let walker = copyOf(begun);
      for (let further = 0; further <= STEPS_FURTHER; further++) {
        const rows = this.#steps.rowsOf(walker, (position) => answerOf(numbers.get(position)));
        const { masks, tokens } = this.#steps.select(walker, rows);
        for (const position of tokens) wanted.add(position);
        walker.sample.remask(masks);
        walker.sample.reveal(
          tokens,
          tokens.map(() => ANY_TOKEN),
        );
        const next = this.#steps.next(walker);
        if (next === undefined) return;
        walker = next;
      }
    });
    const asked = new Set(begun.positions);
    return [...wanted].filter((position) => asked.has(position)).sort((a, b) => a - b);
  }

  /** Guesses what a step makes of a state. */
  #guessStep(begun: BegunStep): readonly StepGuess[] {
    const guessed: StepGuess[] = [];
    const { sample, clock, positions } = begun;
    const known = this.#statistics.near(sample.window, positions);
    if (known === undefined) return guessed;
    const { window } = sample;
    const place = { sample: sample.sample, step: clock.number, likeliest: false, window };
    guess(() => {
      const rows = this.#steps.rowsOf(begun, (position) => {
        const drawn = this.#steps.drawsAll ? this.#rows.guess(place, position) : undefined;
        return answerOf(known.get(position), drawn?.draw);
      });
      const hidden = new Set<number>();
      while (guessed.length < RANKS) {
        const walker = copyOf(begun);
        const told = rows.filter(({ position }) => !hidden.has(position));
        const selection = this.#steps.select(walker, told);
        const { masks, tokens } = selection;
        const guesses = tokens.map((position) => this.#rows.guess(place, position));
        const draws = guesses.flatMap((one) => one?.draw ?? []);
        const chances = guesses.map((one) => {
          return one === undefined ? 0 : chanceOf(one.changes, one.draw.lead);
        });
        const ofTokens = chances.reduce((product, chance) => product * chance, 1);
        let next: BegunStep | undefined;
        if (draws.length === tokens.length) {
          walker.sample.remask(masks);
          walker.sample.reveal(tokens, draws);
          next = this.#steps.next(walker);
        }
        guessed.push({ selection, ofTokens, next });
        if (tokens.length === 0) break;
        hidden.add(tokens[chances.indexOf(Math.min(...chances))]);
      }
    });
    return guessed;
  }
}

function copyOf(begun: BegunStep): BegunStep {
  return { ...begun, sample: begun.sample.clone(begun.sample.sample) };
}

function answerOf(numbers: Float32Array | undefined, draw?: Draw): RowAnswer {
  if (numbers === undefined) throw new Error("Nothing is known of the row");
  return { numbers, draw };
}

/**
 * Does what guesses. A strategy may fail in a state that never comes, and what is wrong with one
 * that comes is found when it does: so an error ends the guess alone.
 */
function guess(attempt: () => void): void {
  try {
    attempt();
  } catch {
    return;
  }
}

/** Tells whether two steps ask the network about the same text. */
function isSame(a: BegunStep, b: BegunStep): boolean {
  return (
    a.clock.number === b.clock.number &&
    differences(a.sample.window.tokens, b.sample.window.tokens) === 0
  );
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((position, i) => position === b[i]);
}

/** Counts the positions in which two texts differ. */
function differences(a: Int32Array, b: Int32Array): number {
  return a.reduce((sum, token, i) => sum + Number(token !== b[i]), 0);
}
