/** An experiment at work: model after model, cell after cell, each sampled, evaluated and kept before the next begins. */
import { readFileSync } from "node:fs";
import type { Evaluation } from "../evaluation/evaluation.ts";
import { readReferences, type ReferenceSet } from "../evaluation/referencesFile.ts";
import { vocabularyOf } from "../metrics/words.ts";
import { AbortedError } from "../sampler/errors.ts";
import type { Cell } from "./cells.ts";
import { completeSamples, countSamples, type SampleRecord } from "./cellSamples.ts";
import { Estimate, expectedCalls } from "./cost.ts";
import type { OutputDirectory } from "./directory.ts";
import type { ExperimentProgress } from "./progress.ts";
import { checkCell, type Experiment, type ExperimentModel } from "./read.ts";
import { RememberingJudge } from "./rememberingJudge.ts";
import { resultOf } from "./results.ts";
import type { LoadedModel, Services } from "./services.ts";

export interface RunnerHooks {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: ExperimentProgress) => void;
  /** After each cell. */
  readonly onCell: (cell: Cell) => void;
}

/** Where no model has said its length yet. */
const ASSUMED_LENGTH = 1024;

export class Runner implements AsyncDisposable {
  readonly #experiment: Experiment;
  readonly #directory: OutputDirectory;
  readonly #services: Services;
  readonly #hooks: RunnerHooks;
  readonly #estimate: Estimate;
  readonly #counts = new Map<string, number>();
  readonly #references = new Map<string, ReferenceSet>();
  readonly #vocabulary: ReadonlySet<string> | undefined;
  #judge: RememberingJudge | undefined;

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
    const { cells, words } = experiment;
    this.#vocabulary =
      words === undefined ? undefined : vocabularyOf([readFileSync(words, "utf8")]);
    this.#estimate = new Estimate(
      new Map(
        cells.map((cell) => {
          const { id, model, samples, length = ASSUMED_LENGTH } = cell;
          const units = samples * expectedCalls(cell, length);
          return [id, { model, samples, units }];
        }),
      ),
    );
    for (const cell of cells) this.#look(cell);
  }

  /** @throws ExperimentError, AbortedError, RemdmError output_failed; what models and judge throw. */
  async run(): Promise<void> {
    const { cells } = this.#experiment;
    if (cells.every((cell) => this.#directory.resultOf(cell) !== undefined)) return;
    await this.#judgeOnce(); // a judge that does not start is known before hours of sampling
    for (const model of this.#experiment.models) {
      const cells = this.#experiment.cells.filter((cell) => cell.model === model.name);
      const left = cells.filter((cell) => this.#directory.resultOf(cell) === undefined);
      if (left.length > 0) await this.#runModel(model, left);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#judge?.close();
  }

  /** What is there already. */
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

  async #runModel(model: ExperimentModel, cells: readonly Cell[]): Promise<void> {
    this.#say("loading", model.name);
    const loaded = await this.#services.launch(model, this.#experiment, this.#hooks.signal);
    try {
      for (const cell of cells) checkCell(cell, loaded.model, this.#experiment.source);
      for (const cell of cells) await this.#runCell(cell, loaded);
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
    const evaluation = await this.#evaluate(cell, model, samples);
    const evaluated = performance.now();
    const [sampling, evaluating] = [(sampled - begin) / 1000, (evaluated - sampled) / 1000];
    const result = resultOf(cell, model.model, samples, evaluation);
    this.#directory.keep(result, { cell: cell.id, sampling, evaluating });
    this.#estimate.evaluated(cell.id, evaluating);
    this.#hooks.onCell(cell);
    this.#say("sampling", cell.id);
  }

  async #sample(cell: Cell, model: LoadedModel): Promise<SampleRecord[]> {
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

  async #evaluate(
    cell: Cell,
    model: LoadedModel,
    samples: readonly SampleRecord[],
  ): Promise<Evaluation> {
    this.#say("evaluating", cell.id);
    const { signal } = this.#hooks;
    const judge = await this.#judgeOnce();
    const references = await this.#referencesFor(cell, model);
    return this.#services.evaluate(
      {
        texts: samples.map(({ text }) => text),
        tokens: samples.map(({ tokens }) => tokens),
        ...(references && { references: references.texts }),
        ...(references?.tokens && { referenceTokens: references.tokens }),
      },
      {
        mauve: this.#experiment.mauve,
        onProgress: (stage, done, total) => {
          this.#say("evaluating", `${cell.id}: ${stage} ${done}/${total}`);
        },
        ...(judge && { judge }),
        ...(this.#vocabulary && { vocabulary: this.#vocabulary }),
        ...(signal && { signal }),
      },
    );
  }

  /** As many as there are samples, and of their length; the same for all cells of which that is true. */
  async #referencesFor(
    { model, length: given, samples }: Cell,
    { tokenizer, model: { length: whole } }: LoadedModel,
  ): Promise<ReferenceSet | undefined> {
    const { references: path } = this.#experiment;
    const { signal } = this.#hooks;
    if (path === undefined) return undefined;
    const length = given ?? whole;
    const key = `${model} ${length} ${samples}`;
    const known = this.#references.get(key);
    if (known !== undefined) return known;
    const options = { count: samples, length, tokenizer, ...(signal && { signal }) };
    const references = await readReferences(path, options);
    this.#references.set(key, references);
    return references;
  }

  async #judgeOnce(): Promise<RememberingJudge | undefined> {
    const { judge: name } = this.#experiment;
    if (name === false) return undefined;
    if (this.#judge === undefined) {
      this.#say("loading", `the judge ${name}`);
      const judge = await this.#services.judge(name, this.#experiment, this.#hooks.signal);
      this.#judge = new RememberingJudge(judge);
    }
    return this.#judge;
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
