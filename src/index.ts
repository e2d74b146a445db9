/** The public surface, nothing else. */
import "./sampler/ambient.ts";
export { BackendError, CheckpointError } from "./backend/errors.ts";
export type { ModelCard, Runtime } from "./backend/protocol.ts";
export {
  findPython,
  pythonCandidates,
  type Python,
  type PythonCandidate,
  type PythonSource,
} from "./backend/python.ts";
export { downloadCheckpoint, type DownloadedCheckpoint } from "./checkpoints/download.ts";
export type { DownloadOptions, DownloadProgress } from "./checkpoints/downloadOptions.ts";
export { DownloadError } from "./checkpoints/errors.ts";
export {
  publishedCheckpoints,
  type PublishedCheckpoint,
  type PublishedName,
} from "./checkpoints/published.ts";
export {
  convertCheckpoint,
  type ConversionOptions,
  type ConvertedCheckpoint,
} from "./convertCheckpoint.ts";
export { Judge } from "./evaluation/judge.ts";
export type { JudgeOptions } from "./evaluation/judgeOptions.ts";
export { InputError } from "./evaluation/errors.ts";
export { evaluate } from "./evaluation/evaluate.ts";
export type {
  Evaluation,
  GenerativePerplexity,
  Mauve,
  ReferenceEvaluation,
} from "./evaluation/evaluation.ts";
export type { EvaluationInput, EvaluationOptions } from "./evaluation/evaluationOptions.ts";
export { formatOriginal, type OriginalResult } from "./evaluation/originalFormat.ts";
export {
  readReferences,
  type ReferenceOptions,
  type ReferenceSet,
  type ReferenceUnit,
} from "./evaluation/referencesFile.ts";
export type { JudgedMeasure, SkippedMeasure } from "./evaluation/skipped.ts";
export { readSamples, type SampleSet } from "./evaluation/samplesFile.ts";
export type { ReadOptions } from "./evaluation/textFile.ts";
export type {
  Features,
  JudgeCallOptions,
  Likelihood,
  MauveOptions,
  TextJudge,
} from "./evaluation/textJudge.ts";
export type { TokensFrom } from "./evaluation/tokenSequences.ts";
export { ExperimentError } from "./experiment/errors.ts";
export {
  runExperiment,
  type ExperimentOptions,
  type ExperimentOutcome,
} from "./experiment/experiment.ts";
export type { ExperimentProgress } from "./experiment/progress.ts";
export type { CellResult } from "./experiment/results.ts";
export type { PaperRow } from "./experiment/paper.ts";
export type {
  CellSettings,
  ExperimentFile,
  MauveSettings,
  ModelEntry,
  StrategyEntry,
} from "./experiment/types.ts";
export type { ConnectOptions, Device, LaunchOptions, RowChoice } from "./launchOptions.ts";
export {
  findCollapse,
  isDegenerate,
  type Collapse,
  type Comparison,
  type Measures,
  type SampleMeasures,
} from "./metrics/collapse.ts";
export { DistinctNgrams, distinctNgrams } from "./metrics/diversity.ts";
export { duplicateShare } from "./metrics/duplicates.ts";
export { tokenEntropy } from "./metrics/entropy.ts";
export { perplexityOf, type Perplexity } from "./metrics/perplexity.ts";
export { repetitionOf } from "./metrics/repetition.ts";
export { spreadOf, type Spread } from "./metrics/spread.ts";
export { KnownWords, knownWordShare, vocabularyOf, wordsOf } from "./metrics/words.ts";
export { Remdm, type BackendStatus, type SampleOptions } from "./remdm.ts";
export type { RunStats, SampleResult, SampleRun } from "./run.ts";
export type { FinishedText, RunEvent, TextChange, TextPiece } from "./runTexts.ts";
export * from "./sampler/index.ts";
export { TokenizerError } from "./tokenizer/errors.ts";
export { checkTokenizer, loadTokenizer } from "./tokenizer/load.ts";
export {
  MASK_GLYPH,
  type DecodeOptions,
  type EncodeOptions,
  type Tokenizer,
  type UnknownPiece,
} from "./tokenizer/tokenizer.ts";
