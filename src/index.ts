/** The package's public surface: this file only exports names. */
import "./foundation/ambient.ts";
export { BackendError, CheckpointError } from "./backend/errors.ts";
export type { ModelCard, Runtime } from "./backend/wire/protocol.ts";
export {
  findPython,
  pythonCandidates,
  type Python,
  type PythonCandidate,
  type PythonSource,
} from "./backend/process/python.ts";
export type { DownloadedCheckpoint } from "./checkpoints/download.ts";
export type { DownloadOptions, DownloadProgress } from "./checkpoints/downloadOptions.ts";
export { DownloadError } from "./checkpoints/errors.ts";
export type { DownloadedModel } from "./checkpoints/hub/download.ts";
export type { HubName } from "./checkpoints/hub/names.ts";
export type { HubDownloadOptions } from "./checkpoints/hub/options.ts";
export {
  publishedCheckpoints,
  type PublishedCheckpoint,
  type PublishedName,
} from "./checkpoints/published.ts";
export type { ConversionOptions, ConvertedCheckpoint } from "./program/convertCheckpoint.ts";
export { Judge } from "./evaluation/judge/judge.ts";
export type { JudgeOptions } from "./evaluation/judge/judgeOptions.ts";
export { InputError } from "./evaluation/errors.ts";
export type {
  Evaluation,
  GenerativePerplexity,
  Mauve,
  ReferenceEvaluation,
} from "./evaluation/evaluation.ts";
export type { EvaluationInput, EvaluationOptions } from "./evaluation/evaluationOptions.ts";
export type { AnswersFile, TaskRun } from "./evaluation/tasks/answersFile.ts";
export type {
  ChoiceItem,
  CountdownItem,
  NumberItem,
  TaskItem,
  TextItem,
} from "./evaluation/tasks/item.ts";
export type { ScorerName } from "./evaluation/tasks/scorers.ts";
export {
  compareTasks,
  type PairedDifference,
  type TaskAnswer,
  type TaskComparison,
  type TaskScore,
  type TaskScores,
} from "./evaluation/tasks/scores.ts";
export type { TaskFileOptions } from "./evaluation/tasks/taskFile.ts";
export { formatOriginal, type OriginalResult } from "./evaluation/texts/originalFormat.ts";
export type {
  ReferenceOptions,
  ReferenceSet,
  ReferenceUnit,
} from "./evaluation/texts/referencesFile.ts";
export type { JudgedMeasure, SkippedMeasure } from "./evaluation/skipped.ts";
export type { SampleSet } from "./evaluation/texts/samplesFile.ts";
export type { ReadOptions } from "./evaluation/texts/textFile.ts";
export type {
  Features,
  JudgeCallOptions,
  Likelihood,
  MauveOptions,
  TextJudge,
} from "./evaluation/judge/textJudge.ts";
export type { TokensFrom } from "./evaluation/texts/tokenSequences.ts";
export { ExperimentError } from "./experiment/errors.ts";
export type { ExperimentOptions, ExperimentOutcome } from "./experiment/experiment.ts";
export type { ExperimentProgress } from "./experiment/run/progress.ts";
export type { CellResult } from "./experiment/run/results.ts";
export type { PaperRow } from "./experiment/file/paper.ts";
export type {
  CellSettings,
  ExperimentFile,
  MauveSettings,
  ModelEntry,
  StrategyEntry,
} from "./experiment/file/types.ts";
export {
  convertCheckpoint,
  downloadCheckpoint,
  evaluate,
  evaluateTask,
  readAnswers,
  readReferences,
  readSamples,
  readTask,
  runExperiment,
} from "./onDemand.ts";
export type { ConnectOptions, Device, LaunchOptions, RowChoice } from "./program/launchOptions.ts";
export {
  findCollapse,
  isDegenerate,
  type Collapse,
  type Comparison,
  type Measures,
  type SampleMeasures,
} from "./evaluation/measures/collapse.ts";
export { DistinctNgrams, distinctNgrams, duplicateShare } from "./evaluation/measures/diversity.ts";
export { tokenEntropy } from "./evaluation/measures/entropy.ts";
export { perplexityOf, type Perplexity } from "./evaluation/measures/perplexity.ts";
export { repetitionOf } from "./evaluation/measures/repetition.ts";
export { spreadOf, type Spread } from "./evaluation/measures/spread.ts";
export { KnownWords, knownWordShare, vocabularyOf, wordsOf } from "./evaluation/measures/words.ts";
export type { ChatMessage } from "./backend/renderChat.ts";
export type { ChatOptions } from "./program/chatOptions.ts";
export type { CharacterRange, Suspect } from "./program/draft.ts";
export type { FillText } from "./program/fillText.ts";
export { Remdm, type BackendStatus, type EditOptions, type FillOptions } from "./program/remdm.ts";
export type {
  ChatResult,
  FillResult,
  GuideSettings,
  RunStats,
  SampleResult,
  SampleRun,
} from "./program/run.ts";
export type { EvaluatedModel, TaskEvaluation } from "./program/tasks/evaluateTask.ts";
export type { AnswerOptions, TaskOptions } from "./program/tasks/taskOptions.ts";
export type { SampleOptions } from "./program/sampleOptions.ts";
export type { FinishedText, RunEvent, TextChange, TextPiece } from "./program/runTexts.ts";
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
