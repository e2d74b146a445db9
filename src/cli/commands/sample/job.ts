/** Runs `remdm sample`: it launches a model, draws from it, shows and keeps what comes. */
import { RemdmError } from "../../../foundation/errors.ts";
import { tokenEntropy } from "../../../evaluation/measures/entropy.ts";
import type { Remdm } from "../../../program/remdm.ts";
import type { RunSettings, SampleResult, SampleRun } from "../../../program/run.ts";
import type { RunEvent } from "../../../program/runTexts.ts";
import type { SampleOptions } from "../../../program/sampleOptions.ts";
import { UsageError } from "../../usage.ts";
import { Board } from "../../terminal/board.ts";
import type { Session } from "../../runCommand.ts";
import { ScrollingWindow } from "../../terminal/scrollingWindow.ts";
import { stepsView, type FormingText } from "../../terminal/stepsView.ts";
import { toJson } from "../../terminal/terminalText.ts";
import { counted } from "../../../foundation/messages.ts";
import type { ModelKind } from "../../../sampler/denoiser.ts";
import { definitionOf, type DefinedStrategy } from "../../../sampler/definition.ts";
import type { GuideOptions } from "../../../sampler/guide.ts";
import { missingRanges, type SampleRange } from "../../../sampler/missingRanges.ts";
import type { OptionTable } from "../../../sampler/optionTable.ts";
import { BUILT_IN } from "../../../sampler/strategies/builtIn.ts";
import { isUntimed, takesSteps } from "../../../sampler/strategies/find.ts";
import type { SampleFlags } from "./flags.ts";
import { ownStrategy } from "./strategyOptions.ts";
import { guideOf, loadReward, type ModuleReward } from "./guideOptions.ts";
import { InOrder } from "./inOrder.ts";
import { launchModel } from "./launch.ts";
import { opening } from "./opening.ts";
import { SampleFile, settingsOf } from "./sampleFile.ts";
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
      flags.out === undefined
        ? undefined
        : new SampleFile(flags.out, flags.force === true, settingsOf(flags, task?.given));
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

interface DoneRun extends SampleResult {
  /** Calls that each sample took part in, added up. */
  readonly calls: number;
}

class Job {
  readonly #session: Session;
  readonly #flags: SampleFlags;
  readonly #file: SampleFile | undefined;
  readonly #own: DefinedStrategy | undefined;
  readonly #reward: ModuleReward | undefined;
  readonly #task: Task | undefined;
  /** The samples that are there, by number; those of an earlier command come first. */
  readonly #records: Map<number, SampleRecord>;

  constructor(
    session: Session,
    flags: SampleFlags,
    file: SampleFile | undefined,
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
    this.#records = new Map([...(file?.earlier ?? [])].filter(([sample]) => sample < samples));
    session.onStopped(() => stopped(this.#records.size, samples, file?.path, json));
  }

  async run(): Promise<void> {
    const { progress, print } = this.#session;
    const { samples, json, out } = this.#flags;
    const there = this.#records.size;
    if (there > 0) progress.note(`${there} of ${counted(samples, "sample")} in ${out} already.`);
    if (there === samples && json === undefined) return;
    await using remdm = await launchModel(this.#session, this.#flags);
    const { kind } = remdm.model;
    const options = samplingOptions(this.#flags, kind, this.#own, this.#guide(remdm));
    const results: DoneRun[] = [];
    for (const range of this.#missing(kind)) {
      const run = await this.#start(remdm, { ...options, ...range });
      if (results.length === 0) this.#open(run);
      const calls = await this.#follow(run, range.firstSample ?? 0);
      results.push({ ...(await run.result()), calls });
    }
    progress.end();
    const { settings } = await this.#start(remdm, options); // of all samples; nothing is drawn
    const stats = statsOf(results);
    if (json) print(`${toJson(this.#summary(stats, options, settings, remdm))}\n`);
    if (results.length === 0) return;
    const tokens = results.flatMap((result) => result.tokens);
    progress.note(closing({ stats, tokens }, this.#stepsOf(settings)));
    const guided = results.flatMap((result) => result.guided ?? []);
    if (guided.length > 0) progress.note(rewardsOf(guided));
    if (json || this.#task !== undefined) return;
    const { checkpoint } = this.#flags;
    progress.hint(suggestion({ kind, checkpoint, options, command: commandOf(process.env) }));
  }

  async #start(remdm: Remdm, options: SampleOptions): Promise<SampleRun> {
    const asked = { ...options, signal: this.#session.signal };
    return (await this.#task?.start(remdm, asked)) ?? remdm.sample(asked);
  }

  #open({ settings }: SampleRun): void {
    const steps = this.#stepsOf(settings);
    const table = this.#optionTable(settings.strategy);
    this.#session.progress.note(opening({ ...settings, steps }, table, this.#flags.strategy));
  }

  /**
   * With PyTorch's noise a sample depends on those before it, so all are drawn again, and those
   * that are there stay.
   */
  #missing(kind: ModelKind): Partial<SampleRange>[] {
    const { samples, executor } = this.#flags;
    const ranges = missingRanges(this.#records.values(), samples);
    const isDense = executor === "dense" || kind === "d3pm";
    if (isDense && ranges.length > 0) return [{ samples }];
    return ranges.map(({ firstSample, samples: count }) => {
      return { samples: count, ...(firstSample > 0 && { firstSample }) };
    });
  }

  /** Shows and keeps what the run tells. @returns the calls that its samples took part in. */
  async #follow(run: SampleRun, first: number): Promise<number> {
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
    const finished = new InOrder<SampleRecord>(first);
    let calls = 0;
    try {
      for await (const event of run) {
        board ??= new Board(run.pieces()); // the prompt is known since the run has begun
        board.apply(event);
        if (event.type === "progress") progress.show(stepsView(event, forming, window, atMost));
        if (event.type !== "finished") continue;
        calls += event.forwardCalls;
        const record = recordOf(event);
        const isNew = !this.#records.has(record.sample);
        if (isNew) this.#file?.append(record);
        this.#records.set(record.sample, record);
        const ready = finished.add(record.sample, record);
        this.#show(isNew ? ready : []);
      }
      return calls;
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
    stats: SampleResult["stats"],
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
      samples: [...this.#records.values()]
        .sort((a, b) => a.sample - b.sample)
        .map(({ tokens, text, entropy, finishReason, reward, gaps }) => ({
          ...{ tokens, text, entropy, finishReason },
          ...(reward !== undefined && { reward }),
          ...(gaps !== undefined && { gaps }),
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

function recordOf(event: Extract<RunEvent, { type: "finished" }>): SampleRecord {
  const { sample, tokens, text, finishReason, gaps, guided } = event;
  return {
    ...{ sample, tokens, text, entropy: tokenEntropy(tokens), finishReason },
    ...(gaps !== undefined && { gaps }),
    ...(guided !== undefined && { reward: guided.reward }),
  };
}

/** Adds up what the runs of a command took. */
function statsOf(runs: readonly DoneRun[]): SampleResult["stats"] {
  const sum = (of: (run: DoneRun) => number): number =>
    runs.reduce((total, run) => total + of(run), 0);
  const calls = sum((run) => run.calls);
  return {
    seconds: sum(({ stats }) => stats.seconds),
    forwardCalls: sum(({ stats }) => stats.forwardCalls),
    forwardRows: sum(({ stats }) => stats.forwardRows),
    rounds: sum(({ stats }) => stats.rounds),
    sequences: sum(({ stats }) => stats.sequences),
    steps: Math.max(0, ...runs.map(({ stats }) => stats.steps)),
    tokensPerForward:
      runs.length === 1
        ? runs[0].stats.tokensPerForward
        : sum((run) => run.stats.tokensPerForward * run.calls) / Math.max(1, calls),
  };
}
