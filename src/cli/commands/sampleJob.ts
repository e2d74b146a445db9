/** `remdm sample` at work: launch, run, show, keep, and leave nothing behind. */
import { Remdm } from "../../index.ts";
import { tokenEntropy } from "../../evaluation/measures/entropy.ts";
import type { SampleResult, SampleRun } from "../../program/run.ts";
import { Board } from "../terminal/board.ts";
import { failureOf } from "../failure.ts";
import { InOrder } from "../inOrder.ts";
import { Interruption } from "../interruption.ts";
import { SampleFile, toJson, toText, type SampleRecord } from "../output.ts";
import type { FormingText } from "../terminal/progress.ts";
import { createReporter, type Reporter } from "../terminal/reporter.ts";
import { checkFlags, samplingOptions, type SamplingOptions } from "./samplingOptions.ts";
import type { Naming } from "../naming.ts";
import { closing, commandOf, opening, suggestion } from "./sayings.ts";
import type { SampleFlags } from "./sample.ts";

/** @returns the exit code. */
export async function runSample(flags: SampleFlags, naming?: Naming): Promise<number> {
  const reporter = createReporter(process.stderr, flags.quiet === true);
  using interruption = new Interruption();
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    interruption.stop(); // nobody reads on (`| head`), which is no failure
  });
  try {
    checkFlags(flags);
    using file =
      flags.out === undefined ? undefined : new SampleFile(flags.out, flags.force === true);
    const job = new Job(flags, file, reporter, interruption);
    return await job.run();
  } catch (error) {
    reporter.end();
    const { code, text } = failureOf(error, naming);
    process.stderr.write(text);
    return code;
  }
}

class Job {
  readonly #flags: SampleFlags;
  readonly #file: SampleFile | undefined;
  readonly #reporter: Reporter;
  readonly #interruption: Interruption;
  #finished = 0;

  constructor(
    flags: SampleFlags,
    file: SampleFile | undefined,
    reporter: Reporter,
    interruption: Interruption,
  ) {
    this.#flags = flags;
    this.#file = file;
    this.#reporter = reporter;
    this.#interruption = interruption;
  }

  async run(): Promise<number> {
    const { signal } = this.#interruption;
    try {
      await using remdm = await this.#launch();
      const options = samplingOptions(this.#flags, remdm.model.kind);
      const run = remdm.sample({ ...options, signal });
      this.#reporter.note(opening(options, this.#flags.strategy));
      await this.#follow(run);
      const result = await run.result;
      this.#reporter.end();
      if (this.#flags.json)
        process.stdout.write(`${toJson(this.#summary(result, options, remdm))}\n`);
      this.#reporter.note(closing(result));
      if (!this.#flags.json) {
        const { checkpoint } = this.#flags;
        const command = commandOf(process.env);
        this.#reporter.hint(suggestion({ kind: remdm.model.kind, checkpoint, options, command }));
      }
      return 0;
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#reporter.end();
      return this.#stopped();
    }
  }

  async #launch(): Promise<Remdm> {
    const { checkpoint, tokenizer, device, dtype, rawWeights = false } = this.#flags;
    this.#reporter.phase(`Loading ${checkpoint} ...`);
    const startedAt = performance.now();
    const remdm = await Remdm.launch({
      checkpoint,
      device,
      dtype,
      rawWeights,
      signal: this.#interruption.signal,
      ...(tokenizer !== undefined && { tokenizer }),
    });
    const { model, runtime } = remdm;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const size = `${(model.parameters / 1e6).toPrecision(3)}M parameters`;
    const place = `${runtime.device}, ${runtime.dtype}, ${runtime.attention}`;
    this.#reporter.note(
      `${model.name}: ${size}, ${model.weights} weights, on ${place}; ready in ${seconds} s`,
    );
    return remdm;
  }

  /** Shows and keeps what the run tells. */
  async #follow(run: SampleRun): Promise<void> {
    const { samples } = this.#flags;
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
        if (event.type === "progress") this.#reporter.progress(event, forming);
        if (event.type !== "finished") continue;
        const { sample, tokens, text, finishReason } = event;
        const record = { sample, tokens, text, entropy: tokenEntropy(tokens), finishReason };
        this.#file?.write(record);
        this.#finished++;
        this.#show(finished.add(sample, record));
      }
    } finally {
      this.#show(finished.rest());
    }
  }

  #show(records: readonly SampleRecord[]): void {
    if (this.#flags.json || records.length === 0) return;
    this.#reporter.clear();
    for (const record of records) {
      process.stdout.write(toText(record, this.#flags.samples, process.stdout.isTTY));
    }
  }

  #summary(
    { tokens, texts, entropies, finishReasons, stats }: SampleResult,
    options: SamplingOptions,
    remdm: Remdm,
  ): unknown {
    const { model, runtime, tokenizer } = remdm;
    const { seed, samples = 1, prompt = null, ...sampling } = options;
    const { checkpoint, rawWeights = false } = this.#flags;
    return {
      samples: tokens.map((ids, i) => ({
        tokens: ids,
        text: texts[i],
        entropy: entropies[i],
        finishReason: finishReasons[i],
      })),
      stats,
      options: {
        checkpoint,
        tokenizer: tokenizer.name,
        rawWeights,
        device: runtime.device,
        dtype: runtime.dtype,
        length: model.length,
        batchSize: Math.min(samples, 16),
        ...sampling,
        samples,
        prompt,
        // JSON's numbers are doubles: a seed beyond them stays exact as a text.
        seed: Number.isSafeInteger(Number(seed)) ? Number(seed) : String(seed),
      },
    };
  }

  /** Interrupted, or nobody reads our output. */
  #stopped(): number {
    const code = this.#interruption.exitCode;
    if (code === undefined) return 0;
    const { samples } = this.#flags;
    const of = `${this.#finished} of ${samples} ${samples === 1 ? "sample" : "samples"}`;
    this.#reporter.note(
      this.#file !== undefined
        ? `Stopped. ${of} kept in ${this.#file.path}.`
        : this.#flags.json && this.#finished > 0
          ? `Stopped. ${of} had finished and are lost: use --out to keep them.`
          : `Stopped. ${of} had finished.`,
    );
    return code;
  }
}
