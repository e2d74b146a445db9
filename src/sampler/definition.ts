/**
 * `defineStrategy` makes a strategy from one definition: the built-in ones and yours alike. A
 * strategy has one of three shapes. Draw first (`TimeStrategy`): time alone says whether a position
 * changes. Event by event (`EventStrategy`): the same in continuous time. Ask first
 * (`RowStrategy`): the rows of the network say it. docs/strategies.md shows one of each.
 */
import { isRecord } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { checkDefinition } from "./checkDefinition.ts";
import type { ModelKind, TokenId } from "./denoiser.ts";
import type { ParityForm } from "./loops/parity/form.ts";
import {
  parseOptions,
  type AnyOptions,
  type GivenOptions,
  type OptionTable,
  type OptionValues,
} from "./optionTable.ts";
import type { Quirks } from "./quirks.ts";
import type { RowField } from "./rowFields.ts";

/** The chances of a position in one step from t to s, whatever the network says. */
export interface Transition {
  /** u: chance that a masked position is revealed, in [0, 1]. */
  readonly reveal: number;
  /**
   * r: chance that a revealed position is remasked, in [0, 1]; under confidence, the sum of all
   * these chances.
   */
  readonly remask: number;
}

/** One step from time t to the next time s, on the log-linear schedule alpha(t) = 1 - t. */
export interface Step {
  /** In (0, 1], from 1 on; it never rises. */
  readonly t: number;
  /** In [0, t]; t itself in a step of a plateau, which corrects and gets no further. */
  readonly s: number;
  /** Expected share of revealed positions at t. */
  readonly alphaT: number;
  readonly alphaS: number;
  /** The largest chance of a remask that leaves a posterior: min(1, (1 - alphaS) / alphaT). */
  readonly sigmaMax: number;
  readonly quirks: Quirks;
}

/** The part of a definition that all shapes have. */
interface Definition<Kind extends string, Table> {
  /** Its name: letters, digits, `-`, `_` and `.`; no name of a built-in strategy. */
  readonly kind: Kind;
  /** Where it comes from: a section of a paper, a function. */
  readonly source: string;
  /** What it does, in one line, for tables. */
  readonly summary: string;
  /** Kinds of models that it serves. Default `["mdlm"]`. */
  readonly models?: readonly ModelKind[];
  /** What callers may set. The intersection gives `narrow` the types of its parameters. */
  readonly options?: Table & OptionTable;
  /**
   * False if the original's code draws from the whole row here; `quirks: "paper"` has a nucleus all
   * the same. Default true.
   */
  readonly nucleus?: boolean;
  /** Whether it serves long texts (`stride`) and blocks (`blockLength`). Default true. */
  readonly windows?: boolean;
  /**
   * Returns its time grid, for callers that give a number of steps. Default: an even grid.
   * @returns [T + 1] times that start at 1 and never rise; only the last one may be 0.
   */
  times?(steps: number): Float64Array;
  /**
   * How the final noise removal chooses the tokens of positions that are still masked. Default
   * `argmax`.
   */
  readonly lastStep?: "argmax" | "draw";
  /** The original's arithmetic. If absent, `executor: "dense"` is refused. */
  readonly parity?: ParityForm<OptionValues<Table>>;
}

/**
 * A strategy in which time alone says whether a position changes; the network says what it becomes.
 */
export interface TimeStrategy<Kind extends string = string, Table = OptionTable> extends Definition<
  Kind,
  Table
> {
  /**
   * Returns the chances of a reveal and of a remask in a step. Called once for each step of a run,
   * before anything is drawn.
   */
  transition(options: OptionValues<Table>, step: Step): Transition;
  /**
   * Tells whether the chance of a remask is shared out by softmax(-psi), as in ReMDM-conf. Default:
   * no.
   */
  confidence?(options: OptionValues<Table>): boolean;
}

/** The state of a sample between two events. */
export interface Moment {
  /** Time of the last event, in (0, 1]; 1 at the beginning. */
  readonly t: number;
  /** Number of masks. */
  readonly masked: number;
  /** Number of revealed positions; pinned ones do not count. */
  readonly revealed: number;
}

/** The change of one position, which is chosen evenly among those that can change so. */
export interface NextEvent {
  /** Its time, in [0, t of the last one]; the network is asked at this time. */
  readonly t: number;
  /** Chance that it is a remask and no reveal, in [0, 1]. */
  readonly remask: number;
}

/**
 * A strategy in continuous time: it has no grid, says when the next position changes, and goes
 * there.
 */
export interface EventStrategy<Kind extends string = string, Table = OptionTable> extends Omit<
  Definition<Kind, Table>,
  "times" | "lastStep" | "parity"
> {
  /**
   * Returns the next event; undefined at the end, when no masks are left and nothing happens any
   * more. Called once for each event, before the network is asked.
   * @param wait drawn from the exponential distribution with mean 1: the event comes when the
   *   integral of all rates over the time since the last one reaches it.
   */
  nextEvent(options: OptionValues<Table>, now: Moment, wait: number): NextEvent | undefined;
}

/** A step as a {@link RowStrategy} sees it. */
export interface RowStep extends Step {
  /** In [0, steps). */
  readonly index: number;
  /** Of an untimed strategy the most that there can be. */
  readonly steps: number;
  /** Number of positions that are not pinned, masked or not. */
  readonly free: number;
  /** V: number of columns of a row, the mask included. */
  readonly vocabSize: number;
}

/** A position, as a strategy knows it before the network is asked. */
export interface RowState {
  /** In [0, length). */
  readonly position: number;
  /** The id of the token that stands there, or of the mask. */
  readonly token: TokenId;
  readonly masked: boolean;
  /** A random number in [0, 1) of this sample, step and position: the same whatever the batch. */
  readonly uniform: number;
  /**
   * psi: the probability that its token had in the draw that revealed it, in (0, 1]; 0 at a mask,
   * and for a token of the run's `start`, which was not drawn.
   */
  readonly psi: number;
  /** Natural log of the probability that it had in the whole row then; -Infinity where psi is 0. */
  readonly logProbability: number;
}

/** A position that the network was asked about, with the numbers that the strategy names. */
export type Row<Field extends RowField> = RowState & {
  /**
   * Whether the token that would come is one of the run's `suppressed`: the likeliest token, or the
   * one `drawn` where the strategy names it. A strategy with `ranksSuppressed` ranks it last; of
   * others, no row is suppressed.
   */
  readonly suppressed: boolean;
} & Readonly<Record<Field, number>>;

/** The positions that a step changes. */
export interface Selection {
  /** Masked positions that become tokens. */
  readonly reveal?: readonly number[];
  /** Revealed positions that become masks. */
  readonly remask?: readonly number[];
  /** Revealed positions whose token is drawn anew. */
  readonly redraw?: readonly number[];
}

/**
 * What a strategy is told of revealed positions in a step. `false`: nothing. `"state"`: where they
 * are and what stands there, which costs nothing; such a row has no statistics. `true`: their rows
 * too.
 */
export type Told = boolean | "state";

/** A strategy in which the rows of the network say which positions change. */
export interface RowStrategy<
  Kind extends string = string,
  Table = OptionTable,
  Field extends RowField = RowField,
  Memory = unknown,
> extends Definition<Kind, Table> {
  /** The numbers of a row that it reads. */
  readonly statistics:
    readonly Field[] | ((options: OptionValues<Table>, quirks: Quirks) => readonly Field[]);
  /**
   * Whether it needs a network that was trained to judge the tokens at revealed positions
   * (`judgesRevealed` of its model). Default false.
   */
  readonly judgesRevealed?: boolean;
  /**
   * Whether it ranks the rows last that are `suppressed` ({@link Row}); where it does not, a run
   * with `suppressed` tokens is refused. Default false.
   */
  readonly ranksSuppressed?: boolean;
  /**
   * What it is told of revealed positions, which it then may remask and redraw: always the same, or
   * by the step. A sample without a mask is finished once this is `false` for the rest of the run.
   * Default false.
   */
  readonly revealed?: Told | ((options: OptionValues<Table>, step: RowStep) => Told);
  /**
   * Whether it takes as many steps as its rows need, at most one for each free position. Callers
   * then give no steps, time is the share of free positions that are masked, and each step must
   * reveal something. Default false.
   */
  readonly untimed?: boolean;
  /**
   * Returns how many steps an untimed strategy takes at most once nothing is masked; it ends before
   * that in a step that changes nothing. Needs `revealed`. Default 0.
   */
  stepsAfter?(options: OptionValues<Table>): number;
  /**
   * Returns the number of steps that its options imply; undefined: callers give it.
   */
  steps?(options: OptionValues<Table>): number | undefined;
  /**
   * Makes the memory of a sample, which `select` may change: plain data, new for each window. A run
   * that looks ahead copies it, and asks about one state a call where it cannot be copied.
   * @param length L, the number of positions of the window.
   */
  memory?(options: OptionValues<Table>, length: number): Memory;
  /**
   * Selects what becomes a mask before the network is asked in this step; `select` then sees it as
   * masked. Needs `revealed` to be `"state"` or `true`.
   * @param rows positions in ascending order, without pinned ones.
   */
  remaskFirst?(
    options: OptionValues<Table>,
    step: RowStep,
    rows: readonly RowState[],
    memory: Memory,
  ): readonly number[];
  /**
   * Selects what changes. A run that looks ahead also calls it with a copy of the memory, for steps
   * that may not come.
   * @param rows positions in ascending order; pinned ones are left out.
   */
  select(
    options: OptionValues<Table>,
    step: RowStep,
    rows: readonly Row<Field>[],
    memory: Memory,
  ): Selection;
}

const NO_OPTIONS = {} as const satisfies OptionTable;
/** The table of a strategy without options. */
type NoOptions = typeof NO_OPTIONS;

/** A strategy that goes from left to right, one token for each step. */
export interface LeftToRightStrategy extends Definition<"ar", NoOptions> {
  readonly leftToRight: true;
}

type Untyped<D> = Omit<D, "options" | "parity"> & {
  readonly options?: OptionTable;
  readonly parity?: ParityForm<AnyOptions>;
};

/** A definition whose options have any table. */
export type AnyTimeStrategy = Untyped<Omit<TimeStrategy, "transition" | "confidence">> & {
  transition(options: AnyOptions, step: Step): Transition;
  confidence?(options: AnyOptions): boolean;
};
export type AnyEventStrategy = Untyped<Omit<EventStrategy, "nextEvent">> & {
  nextEvent(options: AnyOptions, now: Moment, wait: number): NextEvent | undefined;
};
export type AnyRowStrategy = Untyped<
  Omit<
    RowStrategy,
    "statistics" | "revealed" | "steps" | "stepsAfter" | "memory" | "remaskFirst" | "select"
  >
> & {
  readonly statistics:
    readonly RowField[] | ((options: AnyOptions, quirks: Quirks) => readonly RowField[]);
  readonly revealed?: Told | ((options: AnyOptions, step: RowStep) => Told);
  steps?(options: AnyOptions): number | undefined;
  stepsAfter?(options: AnyOptions): number;
  memory?(options: AnyOptions, length: number): unknown;
  remaskFirst?(
    options: AnyOptions,
    step: RowStep,
    rows: readonly RowState[],
    memory: unknown,
  ): readonly number[];
  select(
    options: AnyOptions,
    step: RowStep,
    rows: readonly Row<RowField>[],
    memory: unknown,
  ): Selection;
};
export type StrategyDefinition =
  AnyTimeStrategy | AnyEventStrategy | AnyRowStrategy | Untyped<LeftToRightStrategy>;

/** The same symbol in every copy of this package in a process. */
const DEFINITION: unique symbol = Symbol.for("remdm.strategy") as never;

/** A strategy that carries its definition. In JSON it is plain data: its kind and its options. */
export interface DefinedStrategy {
  readonly kind: string;
  readonly [DEFINITION]: StrategyDefinition;
}

/** A strategy as data: its kind, and its options, which may all be left out. */
export type StrategyData<Kind extends string, Table> = Flat<
  { readonly kind: Kind } & GivenOptions<Table>
>;

/** Makes an intersection one record: TypeScript then tells unions of them apart by their kind. */
type Flat<T> = { [Key in keyof T]: T[Key] };

/** Makes strategies of one kind. */
export interface StrategyMaker<Kind extends string = string, Table = OptionTable> {
  /**
   * Makes a strategy from options.
   * @returns the strategy with every option filled in, frozen.
   * @throws OptionError for an option that is unknown or out of range.
   */
  (options?: GivenOptions<Table>): StrategyData<Kind, Table> & DefinedStrategy;
  /** Does the same with options of any origin: flags, a file. */
  with(options: AnyOptions): DefinedStrategy;
  readonly definition: StrategyDefinition;
}

/** A {@link StrategyMaker} of any kind and table. */
export interface AnyStrategyMaker {
  (options?: never): DefinedStrategy;
  with(options: AnyOptions): DefinedStrategy;
  readonly definition: StrategyDefinition;
}

/**
 * Makes a strategy from its definition. Give the result to `strategy` of `Remdm.sample`,
 * `sampleEvents` or an experiment, or call it first for other options than the defaults.
 * @throws OptionError for a definition that contradicts itself.
 */
export function defineStrategy<
  const Kind extends string,
  const Table extends OptionTable = NoOptions,
>(definition: TimeStrategy<Kind, Table> | EventStrategy<Kind, Table>): StrategyMaker<Kind, Table>;
export function defineStrategy<
  const Kind extends string,
  const Field extends RowField,
  const Table extends OptionTable = NoOptions,
  Memory = undefined,
>(definition: RowStrategy<Kind, Table, Field, Memory>): StrategyMaker<Kind, Table>;
export function defineStrategy(
  definition: AnyTimeStrategy | AnyEventStrategy | AnyRowStrategy,
): StrategyMaker {
  checkDefinition(definition);
  return makerOf(definition);
}

/** Makes a strategy as {@link defineStrategy} does, for every shape and without checks. */
export function makerOf<const Kind extends string, const Table>(
  definition: StrategyDefinition & { readonly kind: Kind; readonly options?: Table },
): StrategyMaker<Kind, Table> {
  const make = (options: AnyOptions = {}): unknown => {
    if (!isRecord(options)) throw new OptionError("strategy", options, "an object of options");
    const { kind } = definition;
    if (options.kind !== undefined && options.kind !== kind) {
      throw new OptionError("strategy.kind", options.kind, `${JSON.stringify(kind)} or left out`);
    }
    const data = {
      kind,
      ...parseOptions("strategy.", kind, definition.options ?? NO_OPTIONS, options),
    };
    return Object.freeze(Object.defineProperty(data, DEFINITION, { value: definition }));
  };
  Object.defineProperty(make, DEFINITION, { value: definition });
  return Object.assign(make, { with: make, definition }) as StrategyMaker<Kind, Table>;
}

/** @returns the definition that a strategy or its maker carries; undefined for plain data. */
export function definitionOf(value: unknown): StrategyDefinition | undefined {
  if (!(isRecord(value) || typeof value === "function") || !(DEFINITION in value)) return undefined;
  return (value as unknown as DefinedStrategy)[DEFINITION];
}
