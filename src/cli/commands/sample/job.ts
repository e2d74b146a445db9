/** Runs `remdm sample`: it launches a model, draws from it, shows and keeps what comes. */
import { RemdmError } from "../../../foundation/errors.ts";
import { tokenEntropy } from "../../../evaluation/measures/entropy.ts";
import type { Remdm } from "../../../program/remdm.ts";
import type { RunSettings, SampleResult, SampleRun } from "../../../program/run.ts";
import type { SampleOptions } from "../../../program/sampleOptions.ts";
import { UsageError } from "../../usage.ts";
import { Board } from "../../terminal/board.ts";
import { OutputFile } from "../../outputFile.ts";
import type { Session } from "../../runCommand.ts";
import { ScrollingWindow } from "../../terminal/scrollingWindow.ts";
import { stepsView, type FormingText } from "../../terminal/stepsView.ts";
import { toJson } from "../../terminal/terminalText.ts";
import { definitionOf, type DefinedStrategy } from "../../../sampler/definition.ts";
import type { GuideOptions } from "../../../sampler/guide.ts";
import type { OptionTable } from "../../../sampler/optionTable.ts";
import { BUILT_IN } from "../../../sampler/strategies/builtIn.ts";
import { isUntimed, takesSteps } from "../../../sampler/strategies/find.ts";
import type { SampleFlags } from "./flags.ts";
import { ownStrategy } from "./strategyOptions.ts";
import { guideOf, loadReward, type ModuleReward } from "./guideOptions.ts";
import { InOrder } from "./inOrder.ts";
import { launchModel } from "./launch.ts";
import { opening } from "./opening.ts";
import { checkFlags, samplingOptions, type SamplingOptions } from "./samplingOptions.ts";
import {
  closing,
  commandOf,
  rewardsOf,
  stopped,
  suggestion,
  toText,
  type SampleRecord,
} from "./sayings.ts";

/** A run of another kind than `remdm.sample`, with the same flags and the same output. */
export interface Task {
  /** What it is about, for the options in `--json`. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly start: (remdm: Remdm, options: SampleOptions) => Promise<SampleRun>;
}

/**
 * Draws samples, shows them and keeps them.
 * @param task left out: `remdm.sample`.
 * @throws what the library throws.
 */
export async function sample(session: Session, flags: SampleFlags, task?: Task): Promise<void> {
  const own = await ownStrategy(flags);
  const reward = await loadReward(flags);
  try {
    const prompted = task !== undefined || flags.prompt !== undefined;
    checkFlags(flags, own, guideOf(flags, reward && (() => 0)), prompted);
    using file =
      flags.out === undefined ? undefined : new OutputFile(flags.out, flags.force === true);
    await new Job(session, flags, file, own, reward, task).run();
  } catch (error) {
    throw own === undefined || session.signal.aborted ? error : ofModule(error, flags);
  }
}

/** Says whose fault an error is that only code of the user's own strategy can have thrown. */
function ofModule(error: unknown, { strategy = "" }: SampleFlags): unknown {
  if (RemdmError.isInstance(error) || error instanceof UsageError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new RemdmError(`The strategy ${strategy} failed: ${why}`, {
    code: "strategy_invalid",
    remedy: "Look at its module; with REMDM_DEBUG=1 the place is printed.",
    cause: error,
  });
}

class Job {
  readonly #session: Session;
  readonly #flags: SampleFlags;
  readonly #file: OutputFile | undefined;
  readonly #own: DefinedStrategy | undefined;
  readonly #reward: ModuleReward | undefined;
  readonly #task: Task | undefined;
  /** In a run that fills gaps: their texts, by sample. */
  readonly #gaps: (readonly string[])[] = [];
  #finished = 0;

  constructor(
    session: Session,
    flags: SampleFlags,
    file: OutputFile | undefined,
    own: DefinedStrategy | undefined,
    reward: ModuleReward | undefined,
    task: Task | undefined,
  ) {
    this.#session = session;
    this.#flags = flags;
    this.#file = file;
    this.#own = own;
    this.#reward = reward;
    this.#task = task;
    const { samples, json = false } = flags;
    session.onStopped(() => stopped(this.#finished, samples, file?.path, json));
  }

  async run(): Promise<void> {
    const { progress, print, signal } = this.#session;
    await using remdm = await launchModel(this.#session, this.#flags);
    const { kind } = remdm.model;
    const options = samplingOptions(this.#flags, kind, this.#own, this.#guide(remdm));
    const asked = { ...options, signal };
    const run = (await this.#task?.start(remdm, asked)) ?? remdm.sample(asked);
    const settings = { ...run.settings, steps: this.#stepsOf(run.settings) };
    progress.note(opening(settings, this.#optionTable(settings.strategy), this.#flags.strategy));
    await this.#follow(run);
    const result = await run.result();
    progress.end();
    if (this.#flags.json) print(`${toJson(this.#summary(result, options, run.settings, remdm))}\n`);
    progress.note(closing(result, settings.steps));
    if (result.guided !== undefined) progress.note(rewardsOf(result.guided));
    if (this.#flags.json || this.#task !== undefined) return;
    const { checkpoint } = this.#flags;
    progress.hint(suggestion({ kind, checkpoint, options, command: commandOf(process.env) }));
  }

  /** Shows and keeps what the run tells. */
  async #follow(run: SampleRun): Promise<void> {
    const { samples } = this.#flags;
    const { progress } = this.#session;
    const window = new ScrollingWindow();
    const atMost = isUntimed(this.#own ?? run.settings.strategy);
    let board: Board | undefined;
    const forming = (): FormingText => {
      const picture = board?.picture();
      if (picture === undefined) return { heading: "", cells: [] };
      const heading = samples > 1 ? `sample ${picture.sample + 1} of ${samples}` : "";
      return { heading, cells: picture.cells };
    };
    const finished = new InOrder<SampleRecord>(0);
    try {
      for await (const event of run) {
        board ??= new Board(run.pieces()); // the prompt is known since the run has begun
        board.apply(event);
        if (event.type === "progress") progress.show(stepsView(event, forming, window, atMost));
        if (event.type !== "finished") continue;
        const { sample, tokens, text, finishReason, gaps } = event;
        const entropy = tokenEntropy(tokens);
        const record = { sample, tokens, text, entropy, finishReason, ...(gaps && { gaps }) };
        if (gaps !== undefined) this.#gaps[sample] = gaps;
        this.#file?.append(record, `Sample ${sample}`);
        this.#finished++;
        this.#show(finished.add(sample, record));
      }
    } finally {
      this.#show(finished.rest());
    }
  }

  #show(records: readonly SampleRecord[]): void {
    if (this.#flags.json || records.length === 0) return;
    this.#session.progress.clear();
    for (const record of records) {
      this.#session.print(toText(record, this.#flags.samples, process.stdout.isTTY));
    }
  }

  #guide({ tokenizer }: Remdm): GuideOptions | undefined {
    const reward = this.#reward;
    return guideOf(this.#flags, reward && ((text) => reward(text, tokenizer)));
  }

  #optionTable({ kind }: RunSettings["strategy"]): OptionTable {
    const own = definitionOf(this.#own);
    return (own ?? BUILT_IN.find((one) => one.kind === kind))?.options ?? {};
  }

  /** @returns undefined where the strategy takes no steps. */
  #stepsOf({ strategy, steps }: RunSettings): number | undefined {
    return takesSteps(this.#own ?? strategy) ? steps : undefined;
  }

  #summary(
    { tokens, texts, entropies, finishReasons, guided, stats }: SampleResult,
    options: SamplingOptions,
    settings: RunSettings,
    remdm: Remdm,
  ): unknown {
    const { runtime, tokenizer } = remdm;
    const { seed, samples = 1, prompt = null, ...sampling } = options;
    const { given = { prompt } } = this.#task ?? {};
    const { checkpoint, rawWeights = false } = this.#flags;
    const steps = this.#stepsOf(settings);
    return {
      samples: tokens.map((ids, i) => ({
        tokens: ids,
        text: texts[i],
        entropy: entropies[i],
        finishReason: finishReasons[i],
        ...(guided !== undefined && { reward: guided[i].reward }),
        ...(this.#gaps.length > 0 && { gaps: this.#gaps[i] }),
      })),
      stats,
      options: {
        checkpoint,
        tokenizer: tokenizer.name,
        rawWeights,
        device: runtime.device,
        dtype: runtime.dtype,
        length: settings.length,
        batchSize: settings.batchSize,
        ...(steps !== undefined && { steps }),
        topP: settings.topP,
        temperature: settings.temperature,
        ...sampling,
        ...(settings.guide !== undefined && {
          guide: { file: this.#flags.guide, ...settings.guide },
        }),
        samples,
        ...given,
        // JSON's numbers are doubles: a seed beyond them stays exact as a text.
        seed: Number.isSafeInteger(Number(seed)) ? Number(seed) : String(seed),
      },
    };
  }
}
