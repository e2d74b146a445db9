/** Runs `remdm eval`: it reads samples, launches a judge, measures, prints and writes. */
import { findTokenizer } from "../../../evaluation/texts/findTokenizer.ts";
import { evaluate } from "../../../evaluation/evaluate.ts";
import type { Evaluation } from "../../../evaluation/evaluation.ts";
import { formatOriginal } from "../../../evaluation/texts/originalFormat.ts";
import {
  mostAreEnded,
  readReferences,
  type ReferenceSet,
} from "../../../evaluation/texts/referencesFile.ts";
import { readSamples, type SampleSet } from "../../../evaluation/texts/samplesFile.ts";
import { skipped, type JudgedMeasure } from "../../../evaluation/skipped.ts";
import { readText } from "../../../evaluation/texts/textFile.ts";
import { withUnknownPieces } from "../../../evaluation/texts/unknownPieces.ts";
import { tokenEntropy } from "../../../evaluation/measures/entropy.ts";
import { vocabularyOf } from "../../../evaluation/measures/words.ts";
import { checkInteger } from "../../../foundation/checks.ts";
import type { RemdmError } from "../../../foundation/errors.ts";
import type { Tokenizer } from "../../../tokenizer/tokenizer.ts";
import { OutputFile } from "../../outputFile.ts";
import type { Session } from "../../runCommand.ts";
import { stageView } from "../../terminal/stepsView.ts";
import { harmless, toJson } from "../../terminal/terminalText.ts";
import { UsageError } from "../../usage.ts";
import { checkJudge } from "../judgeFlag.ts";
import type { EvalFlags } from "./flags.ts";
import {
  checkMauveFlags,
  checkMauveTexts,
  isJudgeNamed,
  isMauveNamed,
  judgeFor,
  launchJudge,
  mauveOf,
  type LaunchJudge,
} from "./judge.ts";
import { describeEvaluation } from "./report.ts";

/**
 * Measures a file of samples, prints the report and writes the files that are asked for.
 * @param path of the samples.
 * @throws what the library throws.
 */
export async function measure(
  session: Session,
  path: string,
  flags: EvalFlags,
  launch: LaunchJudge = launchJudge,
): Promise<void> {
  checkFlags(flags);
  using out = outputFile(flags.out, flags);
  using original = outputFile(flags.original, flags);
  const { evaluation, samples, named } = await run(session, path, flags, launch);
  session.progress.end();
  const json = toJson({ ...evaluation, files: { samples: path, references: flags.references } });
  const shown = flags.json ? json : harmless(describeEvaluation(evaluation));
  session.print(`${shown}\n`); // before files: a disk may be full
  for (const error of named) session.fail(error);
  for (const write of [
    () => out?.replace(`${json}\n`),
    () => original?.replace(inOriginalFormat(samples, evaluation)),
  ]) {
    try {
      write();
    } catch (error) {
      session.fail(error); // the other file may have its place on another disk
    }
  }
}

/**
 * Refuses what is wrong for any samples, before a file is read.
 * @throws UsageError, OptionError.
 */
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

function outputFile(path: string | undefined, { force }: EvalFlags): OutputFile | undefined {
  return path === undefined ? undefined : new OutputFile(path, force === true);
}

interface Done {
  readonly samples: SampleSet;
  readonly evaluation: Evaluation;
  /** What kept away measures that were asked for by name. */
  readonly named: ReadonlySet<RemdmError>;
}

async function run(
  session: Session,
  path: string,
  flags: EvalFlags,
  launch: LaunchJudge,
): Promise<Done> {
  const { progress, signal } = session;
  progress.phase(`Reading ${path} ...`);
  const samples = await readSamples(path, { signal });
  const tokenizer = await findTokenizer(samples, flags.tokenizer);
  const references = await referencesFor(session, samples, tokenizer, flags);
  checkMauveTexts(samples.texts.length, references?.texts.length, flags);
  const known =
    flags.words === undefined ? references?.source : await readText(flags.words, { signal });
  const named = new Set<RemdmError>();
  const onFailure = (measure: JudgedMeasure, error: RemdmError): void => {
    if (measure === "mauve" ? isMauveNamed(flags) : isJudgeNamed(flags)) named.add(error);
  };
  const launched = await judgeFor(session, flags, launch);
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
      onProgress: (stage, done, total) => progress.show(stageView(stage, done, total)),
      ...(judge && { judge }),
      ...(tokenizer && { tokenizer }),
      ...(known !== undefined && { vocabulary: vocabularyOf([known]) }),
      // Entropies in the file are rounded at best: with tokens they are computed anew.
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
  { progress, signal }: Session,
  samples: SampleSet,
  tokenizer: Tokenizer | undefined,
  flags: EvalFlags,
): Promise<ReferenceSet | undefined> {
  const { references: path, referenceUnit: unit, referenceCount: count } = flags;
  if (path === undefined) return undefined;
  progress.phase(`Reading ${path} ...`);
  return readReferences(path, {
    unit,
    count: count ?? samples.texts.length,
    ...(await shapeOf(samples, tokenizer)),
    signal,
    onProgress: (done, total) => progress.show(stageView("references", done, total)),
    ...(tokenizer && { tokenizer }),
  });
}

/** So many texts are looked at where tokens have to be made for it. */
const MEASURED = 64;

/**
 * Says what references should be like to look like the samples: as long as they are in the mean,
 * and with end-of-text at both ends where most of them have it.
 */
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
