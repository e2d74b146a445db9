/** `remdm eval` at work: read, launch a judge, measure, say, write, and leave nothing behind. */
import { findTokenizer } from "../evaluation/findTokenizer.ts";
import { evaluate } from "../evaluation/evaluate.ts";
import type { Evaluation } from "../evaluation/evaluation.ts";
import { resolveMauve } from "../evaluation/evaluationOptions.ts";
import { MAUVE_LEAST_TEXTS } from "../evaluation/mauveSettings.ts";
import { formatOriginal } from "../evaluation/originalFormat.ts";
import { mostAreEnded, readReferences, type ReferenceSet } from "../evaluation/referencesFile.ts";
import { readSamples, type SampleSet } from "../evaluation/samplesFile.ts";
import { readText } from "../evaluation/textFile.ts";
import type { TextJudge } from "../evaluation/textJudge.ts";
import { withUnknownPieces } from "../evaluation/unknownPieces.ts";
import type { Device } from "../launchOptions.ts";
import { tokenEntropy } from "../metrics/entropy.ts";
import { vocabularyOf } from "../metrics/words.ts";
import { checkInteger } from "../sampler/checks.ts";
import type { RemdmError } from "../sampler/errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { EvalFlags } from "./eval.ts";
import { describeEvaluation } from "./evalReport.ts";
import { failureOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";
import { launchJudge } from "./launchJudge.ts";
import { toJson } from "./output.ts";
import { createReporter, type Reporter } from "./reporter.ts";
import { ResultFile } from "./resultFile.ts";
import { harmless } from "./terminalText.ts";
import { UsageError } from "./usage.ts";

export interface JudgeFlags {
  readonly model: string;
  readonly tokenizer?: string;
  readonly device: Device;
  readonly signal: AbortSignal;
  readonly batchSize?: number;
  readonly maxLength?: number;
}

/** Starts the model that judges; tests hand in their own. */
export type LaunchJudge = (options: JudgeFlags) => Promise<TextJudge & AsyncDisposable>;

/** @returns the exit code. */
export async function runEval(
  path: string,
  flags: EvalFlags,
  launch: LaunchJudge = launchJudge,
): Promise<number> {
  const reporter = createReporter(process.stderr, flags.quiet === true);
  using interruption = new Interruption();
  const { signal } = interruption;
  process.stdout.off("error", onOutputError).on("error", onOutputError);
  try {
    checkFlags(flags);
    using out = resultFile(flags.out, flags);
    using original = resultFile(flags.original, flags);
    const { evaluation, samples, failure } = await run(path, flags, launch, reporter, signal);
    reporter.end();
    const json = toJson({
      ...evaluation,
      ...(failure && { mauveFailure: toRecord(failure) }),
      files: { samples: path, references: flags.references },
    });
    const shown = flags.json ? json : harmless(describeEvaluation(evaluation, failure));
    process.stdout.write(`${shown}\n`); // before files: a disk may be full
    const failures: unknown[] = failure === undefined ? [] : [failure];
    for (const write of [
      () => out?.write(`${json}\n`),
      () => original?.write(inOriginalFormat(samples, evaluation)),
    ]) {
      try {
        write();
      } catch (error) {
        failures.push(error); // the other file may have its place on another disk
      }
    }
    return tell(failures);
  } catch (error) {
    reporter.end();
    if (signal.aborted) {
      reporter.note("Stopped.");
      return interruption.exitCode ?? 0;
    }
    return tell([error]);
  }
}

/** @returns the exit code. */
function tell(failures: readonly unknown[]): number {
  const told = failures.map((error) => failureOf(error, flagFor));
  for (const { text } of told) process.stderr.write(text);
  return Math.max(0, ...told.map(({ code }) => code));
}

/** A reader that goes away (`| head`) is no failure. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** What is wrong for any samples is refused before a file is read. */
function checkFlags(flags: EvalFlags): void {
  if (flags.judge === false && flags.judgeTokenizer !== undefined) {
    throw new UsageError(
      "--judge-tokenizer belongs to a judge, and there is none",
      "Leave it out, or --no-judge.",
    );
  }
  const { mauveSeeds: seeds, mauveScale: scale, referenceCount, batchSize, maxLength } = flags;
  resolveMauve({ seeds, scale });
  for (const [option, value] of Object.entries({ referenceCount, batchSize, maxLength })) {
    if (value !== undefined) checkInteger(option, value, 1, Number.MAX_SAFE_INTEGER);
  }
}

function resultFile(path: string | undefined, { force }: EvalFlags): ResultFile | undefined {
  return path === undefined ? undefined : new ResultFile(path, force === true);
}

interface Done {
  readonly samples: SampleSet;
  readonly evaluation: Evaluation;
  /** Why there is no MAUVE, where it was wanted. */
  readonly failure: RemdmError | undefined;
}

function toRecord({ code, message, remedy }: RemdmError): Record<string, string> {
  return { code, message, remedy };
}

async function run(
  path: string,
  flags: EvalFlags,
  launch: LaunchJudge,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Done> {
  reporter.phase(`Reading ${path} ...`);
  const samples = await readSamples(path, { signal });
  const tokenizer = await findTokenizer(samples, flags.tokenizer);
  const references = await referencesFor(samples, tokenizer, flags, reporter, signal);
  checkMauve(samples, references, flags);
  const known =
    flags.words === undefined ? references?.source : await readText(flags.words, { signal });
  await using judge = await judgeFor(flags, launch, reporter, signal);
  const { texts, tokens, entropies } = samples;
  let failure: RemdmError | undefined;
  const evaluation = await evaluate(
    {
      texts,
      ...(tokens && { tokens }),
      ...(references && { references: references.texts }),
      ...(references?.tokens && { referenceTokens: references.tokens }),
    },
    {
      signal,
      onMauveFailure: (error) => (failure = error),
      mauve: flags.mauve && { seeds: flags.mauveSeeds, scale: flags.mauveScale },
      onProgress: (stage, done, total) => reporter.stage(stage, done, total),
      ...(judge && { judge }),
      ...(tokenizer && { tokenizer }),
      ...(known !== undefined && { vocabulary: vocabularyOf([known]) }),
      // Those that the file has of its tokens are rounded at best.
      ...(entropies && tokens === undefined && { entropies }),
    },
  );
  return { samples, evaluation: withUnknownPieces(evaluation, references?.unknownPieces), failure };
}

/** The judge would refuse fewer after all the rest is done. */
function checkMauve(
  { texts }: SampleSet,
  references: ReferenceSet | undefined,
  { judge, mauve }: EvalFlags,
): void {
  if (judge === false || !mauve || references === undefined) return;
  const [ours, theirs] = [texts.length, references.texts.length];
  if (Math.min(ours, theirs) >= MAUVE_LEAST_TEXTS) return;
  throw new UsageError(
    `MAUVE needs at least ${MAUVE_LEAST_TEXTS} samples and as many references; there are ${ours} and ${theirs}`,
    "Draw more (hundreds are better), or leave MAUVE out with --no-mauve.",
  );
}

async function referencesFor(
  samples: SampleSet,
  tokenizer: Tokenizer | undefined,
  flags: EvalFlags,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<ReferenceSet | undefined> {
  const { references: path, referenceUnit: unit, referenceCount: count } = flags;
  if (path === undefined) return undefined;
  reporter.phase(`Reading ${path} ...`);
  return readReferences(path, {
    unit,
    count: count ?? samples.texts.length,
    ...(await shapeOf(samples, tokenizer)),
    signal,
    onProgress: (done, total) => reporter.stage("references", done, total),
    ...(tokenizer && { tokenizer }),
  });
}

/** Texts that are looked at where tokens have to be made for it. */
const MEASURED = 64;

/** What references should be like, to look like the samples: so long, in the mean, and with end-of-text at both ends if most are. */
async function shapeOf(
  { texts, tokens }: SampleSet,
  tokenizer: Tokenizer | undefined,
): Promise<{ readonly length: number; readonly ends: boolean }> {
  const encode = async (text: string): Promise<readonly number[]> =>
    (await tokenizer?.encode(text)) ?? [];
  const looked = tokens ?? (await Promise.all(texts.slice(0, MEASURED).map(encode)));
  const total = looked.reduce((sum, { length }) => sum + length, 0);
  return {
    length: Math.max(1, Math.round(total / looked.length)),
    ends: mostAreEnded(looked, tokenizer?.eosId),
  };
}

async function judgeFor(
  { judge: model, judgeTokenizer, device, batchSize, maxLength }: EvalFlags,
  launch: LaunchJudge,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<(TextJudge & AsyncDisposable) | undefined> {
  if (model === false) return undefined;
  reporter.phase(`Loading ${model} ...`);
  return launch({
    model,
    device,
    signal,
    ...(judgeTokenizer !== undefined && { tokenizer: judgeTokenizer }),
    ...(batchSize !== undefined && { batchSize }),
    ...(maxLength !== undefined && { maxLength }),
  });
}

function inOriginalFormat(
  { texts, tokens, entropies }: SampleSet,
  { entropy, genPpl, mauve }: Evaluation,
): string {
  return formatOriginal({
    texts,
    entropies: tokens?.map(tokenEntropy) ?? entropies ?? [],
    entropy: entropy.mean,
    ...(genPpl && { genPpl: genPpl.value }),
    ...(mauve && { mauve: mauve.mean }),
  });
}

/** How the command line calls an option that the library complains about. */
function flagFor(option: string): string {
  return `--${option.replace(/\./g, "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
