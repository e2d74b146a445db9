/**
 * Evaluates the cells of an experiment. Judge, references and known words are loaded once, and
 * tried before anything is sampled.
 */
import type { Evaluation } from "../../evaluation/evaluation.ts";
import { hasTexts, mostAreEnded } from "../../evaluation/texts/referencesFile.ts";
import { isFailure, skipNotes, skipped, type SkippedMeasure } from "../../evaluation/skipped.ts";
import { readText } from "../../evaluation/texts/textFile.ts";
import type { JudgeCallOptions } from "../../evaluation/judge/textJudge.ts";
import { withUnknownPieces } from "../../evaluation/texts/unknownPieces.ts";
import { vocabularyOf } from "../../evaluation/measures/words.ts";
import { AbortedError } from "../../foundation/errors.ts";
import type { Cell } from "../file/cell.ts";
import type { CellSample } from "./cellSamples.ts";
import { ExperimentError } from "../errors.ts";
import type { ExperimentProgress } from "./progress.ts";
import type { Experiment } from "../file/read.ts";
import { ReferenceShelf, type References } from "./references.ts";
import { RememberingJudge } from "./rememberingJudge.ts";
import type { LoadedModel, Services } from "./services.ts";

interface EvaluatorHooks {
  readonly signal: AbortSignal | undefined;
  readonly say: (stage: ExperimentProgress["stage"], what: string) => void;
  /** Receives what will be missing in the results, and a remedy. */
  readonly note: (note: string) => void;
}

export class Evaluator {
  readonly #experiment: Experiment;
  readonly #services: Services;
  readonly #hooks: EvaluatorHooks;
  readonly #references: ReferenceShelf | undefined;
  #vocabulary: ReadonlySet<string> | undefined;
  #judge: RememberingJudge | undefined;
  /** Says why no cell has a MAUVE: its package is missing. */
  #noMauve: SkippedMeasure | undefined;

  constructor(experiment: Experiment, services: Services, hooks: EvaluatorHooks) {
    this.#experiment = experiment;
    this.#services = services;
    this.#hooks = hooks;
    const { references } = experiment;
    this.#references =
      references === undefined ? undefined : new ReferenceShelf(references, hooks.signal);
  }

  /** undefined: the experiment has no judge. */
  get judge(): RememberingJudge | undefined {
    return this.#judge;
  }

  /**
   * Reads the words and starts the judge.
   * @throws InputError, AbortedError, what the judge throws.
   */
  async start(): Promise<void> {
    const { words, judge } = this.#experiment;
    const { signal, say } = this.#hooks;
    if (words !== undefined) {
      say("reading", words);
      this.#vocabulary = vocabularyOf([await readText(words, { ...(signal && { signal }) })]);
    }
    if (judge === false) return;
    say("loading", `the judge ${judge}`);
    this.#judge = new RememberingJudge(await this.#services.judge(judge, this.#experiment, signal));
  }

  /**
   * Reads the references of a cell.
   * @param samples of the cell, which show how its references are to begin and end. Without them
   *   that is guessed from the file, since cutting a corpus takes long.
   * @throws InputError, AbortedError; ExperimentError experiment_invalid for too few references.
   */
  async referencesFor(
    cell: Cell,
    model: LoadedModel,
    samples?: readonly CellSample[],
  ): Promise<References | undefined> {
    const { mauve, mauveIsNamed, references: path, referenceEnds, source } = this.#experiment;
    if (path === undefined || this.#references === undefined) return undefined;
    const tokens = samples?.map((sample) => sample.tokens);
    const likely = tokens ? mostAreEnded(tokens, model.tokenizer.eosId) : hasTexts(path);
    const found = await this.#references.for(cell, model, referenceEnds ?? likely);
    const { leastTexts } = this.#services;
    if (mauve === false || !mauveIsNamed || found.texts.length >= leastTexts) return found;
    throw new ExperimentError(
      "experiment_invalid",
      `${source.where(cell.path)} (${cell.id}): ${path} makes ${found.texts.length} references for it, too few for MAUVE, which needs ${leastTexts}`,
      `Name a text of ${leastTexts} samples' length at least, hundreds at best; or say mauve: false.`,
    );
  }

  /**
   * Judges a few references of a cell, and computes one MAUVE of them with themselves, so that
   * anything missing shows now. A MAUVE that the experiment does not name is left out, with a note.
   * @returns how many texts were judged.
   * @throws InputError, ExperimentError, AbortedError, what the judge throws.
   */
  async try(cell: Cell, model: LoadedModel): Promise<number> {
    const [references, judge] = [await this.referencesFor(cell, model), this.#judge];
    if (references === undefined || judge === undefined) return 0;
    const few = references.texts.slice(0, this.#services.leastTexts);
    await judge.likelihoods(few, this.#call("perplexity"));
    const { mauveIsNamed } = this.#experiment;
    try {
      if (few.length >= judge.mauveLeastTexts) await this.#tryMauve(judge, few);
    } catch (error) {
      if (mauveIsNamed || !isFailure(error, this.#hooks.signal)) throw error;
      const left = skipped("mauve", error);
      // Any other failure may be due to these few texts, so the cells try again.
      if (error.code === "package_missing") this.#noMauve = left;
      for (const { note, remedy } of skipNotes([left])) this.#hooks.note(`${note} ${remedy}`);
    }
    return few.length;
  }

  async #tryMauve(judge: RememberingJudge, few: readonly string[]): Promise<void> {
    const { mauve } = this.#experiment;
    if (mauve === false) return;
    const features = await judge.features(few, this.#call("features"));
    const settings = { seeds: mauve.seeds.slice(0, 1), scale: mauve.scale };
    await judge.mauve(features, features, { ...settings, ...this.#call("MAUVE") });
  }

  /** Measures the samples of a cell. @throws InputError, ExperimentError, AbortedError. */
  async evaluate(
    cell: Cell,
    model: LoadedModel,
    samples: readonly CellSample[],
  ): Promise<Evaluation> {
    const { signal, say } = this.#hooks;
    say("evaluating", cell.id);
    const [judge, references] = [this.#judge, await this.referencesFor(cell, model, samples)];
    const { mauve, mauveIsNamed } = this.#experiment;
    const missing = this.#noMauve;
    const wanted = missing === undefined && mauve;
    const evaluation = await this.#services.evaluate(
      {
        texts: samples.map(({ text }) => text),
        tokens: samples.map(({ tokens }) => tokens),
        ...(references && { references: references.texts, referenceTokens: references.tokens }),
      },
      {
        ...((wanted === false || mauveIsNamed) && { mauve: wanted }),
        onProgress: (stage, done, total) => {
          say("evaluating", `${cell.id}: ${stage} ${done}/${total}`);
        },
        ...(judge && { judge }),
        ...(this.#vocabulary && { vocabulary: this.#vocabulary }),
        ...(signal && { signal }),
      },
    );
    const known = withUnknownPieces(evaluation, references?.unknownPieces);
    if (missing === undefined) return known;
    return { ...known, skipped: [...(known.skipped ?? []), missing] };
  }

  /** Closes the judge; may be called again. */
  async close(): Promise<void> {
    await this.#judge?.close();
  }

  #call(stage: string): JudgeCallOptions {
    const { signal, say } = this.#hooks;
    if (signal?.aborted) throw new AbortedError(signal.reason);
    return {
      onProgress: (done, total) => {
        say("reading", `the references: ${stage} ${done}/${total}`);
      },
      ...(signal && { signal }),
    };
  }
}
