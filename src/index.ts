/** The public surface, nothing else. */
export { BackendError, CheckpointError } from "./backend/errors.ts";
export type { ModelCard, Runtime } from "./backend/protocol.ts";
export {
  findPython,
  pythonCandidates,
  type Python,
  type PythonCandidate,
  type PythonSource,
} from "./backend/python.ts";
export { Judge } from "./evaluation/judge.ts";
export type { JudgeOptions } from "./evaluation/judgeOptions.ts";
export type {
  Features,
  JudgeCallOptions,
  Likelihood,
  MauveOptions,
  TextJudge,
} from "./evaluation/textJudge.ts";
export type { ConnectOptions, Device, LaunchOptions, RowChoice } from "./launchOptions.ts";
export { Remdm, type BackendStatus, type SampleOptions } from "./remdm.ts";
export type { RunStats, SampleResult, SampleRun } from "./run.ts";
export * from "./sampler/index.ts";
export { TokenizerError } from "./tokenizer/errors.ts";
export { checkTokenizer, loadTokenizer } from "./tokenizer/load.ts";
export {
  MASK_GLYPH,
  type DecodeOptions,
  type EncodeOptions,
  type Tokenizer,
} from "./tokenizer/tokenizer.ts";
