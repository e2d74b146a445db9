/**
 * Runs an experiment: model after model, cell after cell. Each cell is sampled, evaluated and kept
 * before the next begins.
 */
import { AbortedError } from "../../foundation/errors.ts";
import { defaultLength, type DenoiserModel } from "../../sampler/denoiser.ts";
import type { Cell } from "../file/cell.ts";
import { completeSamples, countSamples, type CellSample } from "./cellSamples.ts";
import { ASSUMED_LENGTH, Estimate, expectedCalls } from "./cost.ts";
import type { OutputDirectory } from "./directory.ts";
import { Evaluator } from "./evaluator.ts";
import type { ExperimentProgress } from "./progress.ts";
import { checkCellOf, type Experiment, type ExperimentModel } from "../file/read.ts";
import { resultOf } from "./results.ts";
import type { LoadedModel, Services } from "./services.ts";

export interface RunnerHooks {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: ExperimentProgress) => void;
  readonly onNote: (note: string) => void;
  /** Runs after each cell. */
  readonly onCell: (cell: Cell) => void | Promise<void>;
}

/** A model, and its cells that are not done. */
interface ModelWork {
  readonly model: ExperimentModel;
  readonly cells: readonly Cell[];
}

/** Estimates what sampling a cell costs: samples x calls of the network. */
function unitsOf(cell: Cell, model: Pick<DenoiserModel, "length">): number {
  return cell.samples * expectedCalls(cell, cell.length ?? defaultLength(model));
}

export class Runner implements AsyncDisposable {
  readonly #experiment: Experiment;
  readonly #directory: OutputDirectory;
  readonly #services: Services;
  readonly #hooks: RunnerHooks;
  readonly #estimate: Estimate;
  readonly #counts = new Map<string, number>();
  readonly #evaluator: Evaluator;

  constructor(
    experiment: Experiment,
    directory: OutputDirectory,
    services: Services,
    hooks: RunnerHooks,
  ) {
    this.#experiment = experiment;
    this.#directory = directory;
    this.#services = services;
    this.#hooks = hooks;
    const { cells } = experiment;
    this.#evaluator = new Evaluator(experiment, services, {
      signal: hooks.signal,
      say: (stage, what) => this.#say(stage, what),
      note: hooks.onNote,
    });
    this.#estimate = new Estimate(
      new Map(
        cells.map((cell) => {
          const { id, model, samples } = cell;
          const card = directory.resultOf(cell)?.card ?? { length: ASSUMED_LENGTH };
          return [id, { model, samples, units: unitsOf(cell, card) }];
        }),
      ),
    );
    for (const cell of cells) this.#look(cell);
  }

  /**
   * Samples and evaluates every cell that is not done.
   * @throws ExperimentError, AbortedError, InputError, RemdmError output_failed; whatever models
   *   and judge throw.
   */
  async run(): Promise<void> {
    const works = this.#experiment.models.flatMap((model): ModelWork[] => {
      const cells = this.#experiment.cells.filter((cell) => cell.model === model.name);
      const left = cells.filter((cell) => this.#directory.resultOf(cell) === undefined);
      return left.length === 0 ? [] : [{ model, cells: left }];
    });
    const [first, ...others] = works;
    if (works.length === 0) return;
    // Texts, judge, every model and MAUVE are tried before hours of sampling.
    await this.#evaluator.start();
    for (const work of others) await this.#withModel(work, () => Promise.resolve());
    await this.#withModel(first, async (loaded) => {
      const begin = performance.now();
      const judged = await this.#evaluator.try(first.cells[0], loaded);
      this.#estimate.judged(judged, (performance.now() - begin) / 1000);
      for (const cell of first.cells) await this.#runCell(cell, loaded);
    });
    for (const work of others) {
      await this.#withModel(work, async (loaded) => {
        for (const cell of work.cells) await this.#runCell(cell, loaded);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#evaluator.close();
  }

  /** Counts the samples of a cell that are there already. */
  #look(cell: Cell): void {
    if (this.#directory.resultOf(cell) !== undefined) {
      this.#counts.set(cell.id, cell.samples);
      this.#estimate.skip(cell.id);
      return;
    }
    const count = countSamples(this.#directory.samplesOf(cell), cell);
    this.#counts.set(cell.id, count);
    this.#estimate.sampled(cell.id, 1 - count / cell.samples, 0);
  }

  /** Launches a model, checks its cells and their references, does `work`, and closes the model. */
  async #withModel(
    { model, cells }: ModelWork,
    work: (loaded: LoadedModel) => Promise<void>,
  ): Promise<void> {
    this.#checkAborted();
    this.#say("loading", model.name);
    const loaded = await this.#services.launch(model, this.#experiment, this.#hooks.signal);
    try {
      for (const cell of cells) {
        await checkCellOf(cell, loaded, this.#experiment.source);
        this.#estimate.resize(cell.id, unitsOf(cell, loaded.model));
        await this.#evaluator.referencesFor(cell, loaded);
      }
      await work(loaded);
    } finally {
      await loaded.close();
    }
  }

  async #runCell(cell: Cell, model: LoadedModel): Promise<void> {
    this.#checkAborted();
    const begin = performance.now();
    const samples = await this.#sample(cell, model);
    const sampled = performance.now();
    this.#checkAborted();
    const evaluation = await this.#evaluator.evaluate(cell, model, samples);
    const evaluated = performance.now();
    const [sampling, evaluating] = [(sampled - begin) / 1000, (evaluated - sampled) / 1000];
    const result = resultOf(cell, model.model, samples, evaluation, this.#evaluator.judge);
    this.#directory.keep(result, { cell: cell.id, sampling, evaluating });
    this.#estimate.evaluated(cell.id, evaluating);
    this.#say("evaluating", cell.id);
    await this.#hooks.onCell(cell);
  }

  async #sample(cell: Cell, model: LoadedModel): Promise<CellSample[]> {
    const before = this.#counts.get(cell.id) ?? 0;
    const [toDraw, { samples }] = [1 - before / cell.samples, cell];
    let marked = performance.now();
    const onProgress = (share: number, finished: number): void => {
      const now = performance.now();
      this.#estimate.sampled(cell.id, toDraw * (1 - share), (now - marked) / 1000);
      marked = now;
      this.#counts.set(cell.id, finished);
      this.#say("sampling", cell.id);
    };
    this.#say("sampling", cell.id);
    const path = this.#directory.samplesOf(cell);
    const records = await completeSamples(path, cell, model, {
      signal: this.#hooks.signal,
      onProgress,
    });
    this.#counts.set(cell.id, samples);
    this.#estimate.sampled(cell.id, 0, 0);
    return records;
  }

  #checkAborted(): void {
    const { signal } = this.#hooks;
    if (signal?.aborted) throw new AbortedError(signal.reason);
  }

  #say(stage: ExperimentProgress["stage"], what: string): void {
    const { cells } = this.#experiment;
    this.#hooks.onProgress({
      stage,
      what,
      finishedCells: cells.filter((cell) => this.#directory.resultOf(cell) !== undefined).length,
      cells: cells.length,
      finishedSamples: [...this.#counts.values()].reduce((sum, count) => sum + count, 0),
      samples: cells.reduce((sum, { samples }) => sum + samples, 0),
      share: this.#estimate.share,
      secondsLeft: this.#estimate.secondsLeft,
    });
  }
}
