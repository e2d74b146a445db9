/** `remdm eval` at work: read, launch a judge, measure, say, write, and leave nothing behind. */
import { findTokenizer } from "../../evaluation/texts/findTokenizer.ts";
import { evaluate } from "../../evaluation/evaluate.ts";
import type { Evaluation } from "../../evaluation/evaluation.ts";
import { formatOriginal } from "../../evaluation/texts/originalFormat.ts";
import {
  mostAreEnded,
  readReferences,
  type ReferenceSet,
} from "../../evaluation/texts/referencesFile.ts";
import { readSamples, type SampleSet } from "../../evaluation/texts/samplesFile.ts";
import { skipped, type JudgedMeasure } from "../../evaluation/skipped.ts";
import { readText } from "../../evaluation/texts/textFile.ts";
import { withUnknownPieces } from "../../evaluation/texts/unknownPieces.ts";
import { tokenEntropy } from "../../evaluation/measures/entropy.ts";
import { vocabularyOf } from "../../evaluation/measures/words.ts";
import { checkInteger } from "../../foundation/checks.ts";
import type { RemdmError } from "../../foundation/errors.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { EvalFlags } from "./eval.ts";
import {
  checkMauveFlags,
  checkMauveTexts,
  isJudgeNamed,
  isMauveNamed,
  judgeFor,
  mauveOf,
  type LaunchJudge,
} from "./evalJudge.ts";
import { describeEvaluation } from "./evalReport.ts";
import { failureOf } from "../failure.ts";
import { Interruption } from "../interruption.ts";
import { checkJudge } from "./judgeFlag.ts";
import { launchJudge } from "./launchJudge.ts";
import type { Naming } from "../naming.ts";
import { toJson } from "../output.ts";
import { createReporter, type Reporter } from "../terminal/reporter.ts";
import { ResultFile } from "../resultFile.ts";
import { harmless } from "../terminal/terminalText.ts";
import { UsageError } from "../usage.ts";

/** @returns the exit code. */
export async function runEval(
  path: string,
  flags: EvalFlags,
  launch: LaunchJudge = launchJudge,
  naming?: Naming,
): Promise<number> {
  const reporter = createReporter(process.stderr, flags.quiet === true);
  using interruption = new Interruption();
  const { signal } = interruption;
  process.stdout.off("error", onOutputError).on("error", onOutputError);
  try {
    checkFlags(flags);
    using out = resultFile(flags.out, flags);
    using original = resultFile(flags.original, flags);
    const { evaluation, samples, named } = await run(path, flags, launch, reporter, signal);
    reporter.end();
    const json = toJson({
      ...evaluation,
      files: { samples: path, references: flags.references },
    });
    const shown = flags.json ? json : harmless(describeEvaluation(evaluation));
    process.stdout.write(`${shown}\n`); // before files: a disk may be full
    const failures: unknown[] = [...named];
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
    return tell(failures, naming);
  } catch (error) {
    reporter.end();
    if (signal.aborted) {
      reporter.note("Stopped.");
      return interruption.exitCode ?? 0;
    }
    return tell([error], naming);
  }
}

/** @returns the exit code. */
function tell(failures: readonly unknown[], naming?: Naming): number {
  const told = failures.map((error) => failureOf(error, naming));
  for (const { text } of told) process.stderr.write(text);
  return Math.max(0, ...told.map(({ code }) => code));
}

/** A reader that goes away (`| head`) is no failure. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** What is wrong for any samples is refused before a file is read. */
function checkFlags(flags: EvalFlags): void {
  if (flags.judge === false) {
    for (const [flag, given] of [
      ["--judge-tokenizer", flags.judgeTokenizer],
      ["--raw-weights", flags.rawWeights],
    ] as const) {
      if (given === undefined) continue;
      throw new UsageError(
        `${flag} belongs to a judge, and there is none`,
        "Leave it out, or --no-judge.",
      );
    }
  }
  if (typeof flags.judge === "string") checkJudge(flags.judge);
  const { referenceCount, batchSize, maxLength } = flags;
  checkMauveFlags(flags);
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
  /** What kept away measures that were asked for by name. */
  readonly named: ReadonlySet<RemdmError>;
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
  checkMauveTexts(samples.texts.length, references?.texts.length, flags);
  const known =
    flags.words === undefined ? references?.source : await readText(flags.words, { signal });
  const named = new Set<RemdmError>();
  const onFailure = (measure: JudgedMeasure, error: RemdmError): void => {
    if (measure === "mauve" ? isMauveNamed(flags) : isJudgeNamed(flags)) named.add(error);
  };
  const launched = await judgeFor(flags, launch, reporter, signal);
  await using judge = launched.judge;
  const { texts, tokens, entropies } = samples;
  const mauve = judge === undefined ? false : mauveOf(flags);
  const evaluation = await evaluate(
    {
      texts,
      ...(tokens && { tokens }),
      ...(references && { references: references.texts }),
      ...(references?.tokens && { referenceTokens: references.tokens }),
    },
    {
      signal,
      onFailure,
      ...(mauve !== undefined && { mauve }),
      onProgress: (stage, done, total) => reporter.stage(stage, done, total),
      ...(judge && { judge }),
      ...(tokenizer && { tokenizer }),
      ...(known !== undefined && { vocabulary: vocabularyOf([known]) }),
      // Those that the file has of its tokens are rounded at best.
      ...(entropies && tokens === undefined && { entropies }),
    },
  );
  const counted = withUnknownPieces(evaluation, references?.unknownPieces);
  const { failure } = launched;
  if (failure === undefined) return { samples, evaluation: counted, named };
  const lost: JudgedMeasure[] =
    references === undefined || flags.mauve === false ? ["genPpl"] : ["genPpl", "mauve"];
  for (const measure of lost) onFailure(measure, failure);
  const left = lost.map((measure) => skipped(measure, failure));
  return { samples, evaluation: { ...counted, skipped: left }, named };
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
