/** `remdm sample` at work: launch, run, show, keep, and leave nothing behind. */
import { Remdm } from "../index.ts";
import { tokenEntropy } from "../metrics/entropy.ts";
import type { SampleResult, SampleRun } from "../run.ts";
import { Board } from "./board.ts";
import { failureOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";
import { SampleFile, toJson, toText, type SampleRecord } from "./output.ts";
import { createReporter, type FormingText, type Reporter } from "./reporter.ts";
import { checkFlags, samplingOptions, type SamplingOptions } from "./samplingOptions.ts";
import { flagFor } from "./strategyOptions.ts";
import type { SampleFlags } from "./sample.ts";

/** @returns the exit code. */
export async function runSample(flags: SampleFlags): Promise<number> {
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
    const { code, text } = failureOf(error, (option) => flagFor(option, flags));
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
      await this.#follow(run, remdm);
      const result = await run.result;
      this.#reporter.end();
      if (this.#flags.json)
        process.stdout.write(`${toJson(this.#summary(result, options, remdm))}\n`);
      this.#reporter.note(closing(result));
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
  async #follow(run: SampleRun, { denoiser: { model }, tokenizer }: Remdm): Promise<void> {
    const { length = model.length, stride = 0, strides = 0, prompt = "", samples } = this.#flags;
    const begin = model.kind === "ar" && model.bosId !== undefined ? [model.bosId] : [];
    const board = new Board({
      length: length + stride * strides,
      maskId: model.maskId,
      beginning: [...begin, ...(await tokenizer.encode(prompt))],
    });
    const forming = (): FormingText => {
      const current = board.current;
      if (current === undefined) return { heading: "", text: "" };
      const heading = samples > 1 ? `sample ${current.sample + 1} of ${samples}` : "";
      return { heading, text: tokenizer.decode(current.tokens) };
    };
    for await (const event of run) {
      board.apply(event);
      if (event.type === "progress") this.#reporter.progress(event, forming);
      if (event.type === "finished") {
        const text = tokenizer.decode(event.tokens);
        const entropy = tokenEntropy(event.tokens);
        this.#keep({ sample: event.sample, tokens: [...event.tokens], text, entropy }, samples);
      }
    }
  }

  #keep(record: SampleRecord, samples: number): void {
    this.#file?.write(record);
    this.#finished++;
    if (this.#flags.json) return;
    this.#reporter.clear();
    process.stdout.write(toText(record, samples, process.stdout.isTTY));
  }

  #summary(
    { tokens, texts, entropies, stats }: SampleResult,
    options: SamplingOptions,
    remdm: Remdm,
  ): unknown {
    const { model, runtime, tokenizer } = remdm;
    const { seed, samples = 1, prompt = null, ...sampling } = options;
    const { checkpoint, rawWeights = false } = this.#flags;
    return {
      samples: tokens.map((ids, i) => ({
        tokens: [...ids],
        text: texts[i],
        entropy: entropies[i],
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

function closing({ stats, tokens }: SampleResult): string {
  const { seconds, forwardCalls, forwardRows, steps } = stats;
  const samples = `${tokens.length} ${tokens.length === 1 ? "sample" : "samples"}`;
  return `${samples} in ${seconds.toFixed(1)} s: ${steps} steps, ${forwardCalls} forward calls, ${forwardRows} rows of logits`;
}
