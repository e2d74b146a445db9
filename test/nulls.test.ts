/** `null` is a value, and a wrong one: for no option of any public function does it mean "not given". */
import { describe, expect, it } from "@jest/globals";
import { resolveConnect, resolveLaunch } from "../src/program/launchOptions.ts";
import {
  compilePlan,
  convertCheckpoint,
  downloadCheckpoint,
  evaluate,
  evaluateTask,
  findPython,
  Judge,
  loadTokenizer,
  publishedCheckpoints,
  pythonCandidates,
  readReferences,
  readAnswers,
  readSamples,
  readTask,
  Remdm,
  prepare,
  RowPool,
  runExperiment,
  sample,
  sampleEvents,
  type ChatOptions,
  type ConnectOptions,
  type ConversionOptions,
  type DownloadOptions,
  type EvaluatedModel,
  type EvaluationInput,
  type EvaluationOptions,
  type ExperimentOptions,
  type HubDownloadOptions,
  type JudgeCallOptions,
  type JudgeOptions,
  type LaunchOptions,
  type MauveOptions,
  type ReadOptions,
  type ReferenceOptions,
  type SampleOptions,
  type SamplerOptions,
  type Strategy,
  type TaskFileOptions,
  type TaskOptions,
} from "../src/index.ts";
import { packageRoot } from "../src/foundation/packageRoot.ts";
import { preparePrompted } from "../src/program/prompt.ts";
import { checkCallOptions } from "../src/evaluation/judge/textJudge.ts";
import { checkMauve } from "../src/evaluation/judge/mauveRequest.ts";

/** Every option of a function; the compiler sees to it that none is left out. */
type Keys<Options> = Readonly<Record<keyof Options, true>>;
type Call = (options: never) => unknown;

const MODEL = { vocabSize: 8, maskId: 7, length: 6, timeConditioning: false };
const denoiser = {
  model: MODEL,
  forward: () => Promise.reject(new Error("nothing may be asked of the network")),
};
const tokenizer = {
  name: "t",
  vocabSize: 7,
  encode: async () => [0],
  decode: (ids: ArrayLike<number>) => "a".repeat(ids.length),
};
/** One without the other is refused by itself. */
const windows = { stride: 1, strides: 1 };
const model: EvaluatedModel = {
  denoiser,
  tokenizer,
  sample: (options) => Remdm.prototype.sample.call({ denoiser, tokenizer } as never, options),
};
const out = "not/made";

const sampler: Keys<SamplerOptions> = {
  strategy: true,
  steps: true,
  topP: true,
  temperature: true,
  topK: true,
  banned: true,
  suppressed: true,
  guidance: true,
  samples: true,
  firstSample: true,
  batchSize: true,
  window: true,
  length: true,
  seed: true,
  pinned: true,
  executor: true,
  noise: true,
  quirks: true,
  stride: true,
  strides: true,
  blockLength: true,
  until: true,
  start: true,
  guide: true,
  signal: true,
};
/** What an edit cannot do without. */
const editing = { suspect: 0.5, t0: 0.5 };
const sampling: Keys<SampleOptions> = { ...sampler, prompt: true, specialTokens: true };
const chatting: Keys<ChatOptions> = {
  ...sampling,
  messages: true,
  answerLength: true,
  templateOptions: true,
};
const launch: Keys<LaunchOptions> = {
  checkpoint: true,
  tokenizer: true,
  device: true,
  dtype: true,
  rows: true,
  workers: true,
  rawWeights: true,
  python: true,
  startTimeoutMs: true,
  onLog: true,
  signal: true,
};
const connect: Keys<ConnectOptions> = {
  endpoint: true,
  tokenizer: true,
  rows: true,
  workers: true,
  reachTimeoutMs: true,
  signal: true,
};
const judge: Keys<JudgeOptions> = {
  model: true,
  tokenizer: true,
  device: true,
  dtype: true,
  rawWeights: true,
  python: true,
  startTimeoutMs: true,
  onLog: true,
  signal: true,
  maxLength: true,
  batchSize: true,
};
const call: Keys<JudgeCallOptions> = { signal: true, onProgress: true };
const mauve: Keys<MauveOptions & JudgeCallOptions> = {
  ...call,
  seeds: true,
  scale: true,
  buckets: true,
  explainedVariance: true,
  redo: true,
  maxIterations: true,
  onTie: true,
};
const input: Keys<EvaluationInput> = {
  texts: true,
  tokens: true,
  references: true,
  referenceTokens: true,
};
const evaluation: Keys<EvaluationOptions> = {
  judge: true,
  mauve: true,
  tokenizer: true,
  vocabulary: true,
  entropies: true,
  onFailure: true,
  signal: true,
  onProgress: true,
};
const download: Keys<DownloadOptions> = {
  dir: true,
  force: true,
  signal: true,
  onProgress: true,
  onRetry: true,
  stallMs: true,
  tries: true,
  retryDelayMs: true,
  driveUrl: true,
};
const hubDownload: Keys<HubDownloadOptions> = {
  revision: true,
  dir: true,
  force: true,
  token: true,
  endpoint: true,
  signal: true,
  onProgress: true,
  onRetry: true,
  stallMs: true,
  tries: true,
  retryDelayMs: true,
};
const conversion: Keys<ConversionOptions> = {
  out: true,
  weights: true,
  dtype: true,
  force: true,
  python: true,
  signal: true,
  onProgress: true,
};
const experiment: Keys<ExperimentOptions> = {
  out: true,
  original: true,
  signal: true,
  onProgress: true,
  onNote: true,
};
const reading: Keys<ReadOptions> = { signal: true, maxLength: true };
const referring: Keys<ReferenceOptions> = {
  ...reading,
  count: true,
  unit: true,
  length: true,
  tokenizer: true,
  ends: true,
  onProgress: true,
};
const task: Keys<TaskOptions> = {
  strategy: true,
  steps: true,
  topP: true,
  temperature: true,
  topK: true,
  banned: true,
  suppressed: true,
  guidance: true,
  batchSize: true,
  window: true,
  seed: true,
  executor: true,
  noise: true,
  quirks: true,
  blockLength: true,
  signal: true,
  scorer: true,
  answerLength: true,
  repeats: true,
  likelihoodSamples: true,
  choiceScore: true,
  concurrency: true,
  earlier: true,
  onAnswer: true,
  onProgress: true,
};
const taskFile: Keys<TaskFileOptions> = { ...reading, scorer: true };
const plan: Keys<NonNullable<Parameters<typeof compilePlan>[2]>> = { end: true, quirks: true };

/** Without an instance: the options are looked at before anything of it. */
const method =
  (name: "sample" | "fill" | "edit" | "ping", ...given: readonly unknown[]) =>
  (options: unknown) => {
    const call = Reflect.get(Remdm.prototype, name) as (...args: unknown[]) => unknown;
    return call.call({ denoiser, tokenizer }, ...given, options);
  };

const tiny = { name: "t", models: [{ checkpoint: "demo", strategies: ["mdlm"] }], steps: 4 };

/** What is called, all that it takes, and the options that it cannot do without. */
const FUNCTIONS: readonly (readonly [string, Call, Readonly<Record<string, true>>, object?])[] = [
  ["Remdm.launch", (options) => Remdm.launch(options), launch],
  ["resolveLaunch", resolveLaunch, launch],
  ["Remdm.connect", (options) => Remdm.connect(options), connect, { endpoint: "ipc:///not/there" }],
  ["resolveConnect", resolveConnect, connect, { endpoint: "ipc:///not/there" }],
  ["remdm.sample", method("sample"), sampling, windows],
  [
    "remdm.sample of messages",
    method("sample"),
    chatting,
    { messages: [{ role: "user", content: "a" }] },
  ],
  ["remdm.fill", method("fill", "[2]"), sampling],
  ["remdm.edit", method("edit", "a"), { ...sampling, suspect: true, t0: true }, editing],
  ["preparePrompted", (options) => preparePrompted(options, MODEL), { prompt: true }],
  ["remdm.ping", method("ping"), { signal: true }],
  ["prepare", (options) => prepare(options, MODEL), sampler, windows],
  ["sample", (options) => sample(denoiser, options), sampler, windows],
  ["sampleEvents", (options) => sampleEvents(denoiser, options).next(), sampler, windows],
  ["RowPool", (options) => new RowPool(options), { workers: true }],
  ["compilePlan", (options) => compilePlan({ kind: "mdlm" }, 4, options), plan],
  ["Judge.launch", (options) => Judge.launch(options), judge],
  ["judge.likelihoods, judge.features", checkCallOptions, call],
  ["judge.mauve", checkMauve, mauve, { seeds: [1] }],
  ["evaluate", (options) => evaluate({ texts: ["a"] }, options), evaluation],
  ["downloadCheckpoint", (options) => downloadCheckpoint("mdlm", options), download],
  ["downloadCheckpoint of the hub", (options) => downloadCheckpoint("a/b", options), hubDownload],
  ["publishedCheckpoints", publishedCheckpoints, { dir: true }],
  ["convertCheckpoint", (options) => convertCheckpoint("demo", options), conversion, { out }],
  ["runExperiment", (options) => runExperiment(tiny, options), experiment, { out }],
  [
    "evaluateTask",
    (options) => evaluateTask(model, [{ prompt: "", scorer: "exact", expected: "a" }], options),
    task,
  ],
  ["readTask", (options) => readTask("not/there", options), taskFile],
  ["readAnswers", (options) => readAnswers("not/there", options), reading],
  ["readSamples", (options) => readSamples("not/there", options), reading],
  [
    "readReferences",
    (options) => readReferences("not/there", options),
    referring,
    { count: 1, length: 1 },
  ],
];

/** What it throws, at once or by its promise. */
async function thrown(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(FUNCTIONS)("%s", (_, run, keys, needed = {}) => {
  it.each(Object.keys(keys))("refuses null for %s", async (key) => {
    const error = await thrown(() => run({ ...needed, [key]: null } as never));
    expect(error).toMatchObject({ code: "option_invalid", option: key, value: null });
    expect(error).toMatchObject({ message: expect.stringMatching(/^\S+ must be .*; got null$/) });
  });

  it("refuses null for all of its options", async () => {
    const error = await thrown(() => run(null as never));
    expect(error).toMatchObject({ code: "option_invalid", option: "options", value: null });
  });
});

describe("evaluate's texts", () => {
  it.each(Object.keys(input))("%s cannot be null", async (key) => {
    const error = await thrown(() => evaluate({ texts: ["a"], [key]: null }));
    expect(error).toMatchObject({ code: "option_invalid", option: key });
  });
});

describe("an option within an option", () => {
  it.each<[string, object]>([
    ["strategy.eta", { kind: "remdm-cap", eta: null }],
    ["strategy.eta", { kind: "remdm-loop", eta: null }],
    ["strategy.tOn", { kind: "remdm-loop", tOn: null }],
    ["strategy.cap", { kind: "remdm", cap: null }],
    ["strategy.rescale", { kind: "remdm", rescale: null }],
    ["strategy.confidence", { kind: "remdm", confidence: null }],
    ["strategy.window", { kind: "remdm", window: null }],
    ["strategy.window.tSwitch", { kind: "remdm", window: { kind: "switch", tSwitch: null } }],
    ["strategy.window.alphaOn", { kind: "remdm", window: { kind: "loop", alphaOn: null } }],
    ["strategy.kind", { kind: null }],
  ])("%s cannot be null: %j", async (option, strategy) => {
    const run = () => prepare({ strategy: strategy as Strategy }, MODEL);
    expect(await thrown(run)).toMatchObject({ code: "option_invalid", option });
  });

  it.each(["seeds", "scale"])("nor can mauve.%s", async (key) => {
    const run = () => evaluate({ texts: ["a"] }, { mauve: { [key]: null } });
    expect(await thrown(run)).toMatchObject({ code: "option_invalid", option: `mauve.${key}` });
  });
});

describe("what stands alone", () => {
  it.each<[string, string, (value: never) => unknown]>([
    ["loadTokenizer", "source", loadTokenizer],
    ["findPython", "python", findPython],
    ["pythonCandidates", "python", pythonCandidates],
    ["readSamples", "path", readSamples],
    ["readTask", "path", readTask],
    ["readAnswers", "path", readAnswers],
    ["readReferences", "path", (path) => readReferences(path, { count: 1, length: 1 })],
    ["convertCheckpoint", "checkpoint", (name) => convertCheckpoint(name, { out })],
    ["downloadCheckpoint", "name", (name) => downloadCheckpoint(name, { dir: packageRoot })],
    ["compilePlan", "steps", (steps) => compilePlan({ kind: "mdlm" }, steps)],
    ["compilePlan", "strategy", (strategy) => compilePlan(strategy, 4)],
  ])("%s refuses null for its %s", async (_, option, run) => {
    expect(await thrown(() => run(null as never))).toMatchObject({
      code: "option_invalid",
      option,
    });
  });
});
