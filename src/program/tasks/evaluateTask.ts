/** Evaluates a model on a task: it samples an answer to each item, or weighs its choices. */
import type { ReadChoice, ReadItem, TaskItem } from "../../evaluation/tasks/item.ts";
import { cutAtStop, scoreAnswer, type SampledItem } from "../../evaluation/tasks/scoreAnswer.ts";
import { scoresOf, type TaskAnswer, type TaskScores } from "../../evaluation/tasks/scores.ts";
import { checkItems } from "../../evaluation/tasks/taskFile.ts";
import { OptionError } from "../../foundation/errors.ts";
import { counted } from "../../foundation/messages.ts";
import { onAbort } from "../../foundation/onAbort.ts";
import { longestText } from "../../sampler/blocks.ts";
import { readSeed } from "../../sampler/prepare.ts";
import { takesSteps } from "../../sampler/strategies/find.ts";
import { answerText } from "../answerText.ts";
import type { Remdm } from "../remdm.ts";
import type { RunSettings, SampleRun } from "../run.ts";
import type { SampleOptions } from "../sampleOptions.ts";
import { answerChoice, splitChoices, type SplitChoices } from "./choices.ts";
import { checkTask, MOST_REPEATS, type CheckedTask, type TaskOptions } from "./taskOptions.ts";

export interface TaskEvaluation {
  /** In the order of the items, and of the repeats of each. */
  readonly answers: readonly TaskAnswer[];
  readonly scores: TaskScores;
}

/** What a model must have to be evaluated: an instance of `Remdm` has it. */
export interface EvaluatedModel extends Pick<Remdm, "denoiser" | "tokenizer"> {
  sample(options: SampleOptions): SampleRun;
}

/** Tokens of an answer, where no other number is given and the model has room for them. */
export const DEFAULT_ANSWER_LENGTH = 128;

/**
 * Answers the items of a task and scores the answers. An answer is what `sample` gives after the
 * item's prompt, without special tokens, cut before its end-of-text token. Repeat k of item i,
 * counted from 0, is sample 1000 i + k of the seed, so strategies are compared on the same noise;
 * with PyTorch's noise it is sample k of the seed plus i. By default a run has one step for each
 * token of the answer. docs/tasks.md has the scorers.
 * @throws OptionError for an item, an option, a prompt that leaves no room, and for `choice` items
 *   of `sedd` and `d3pm` models; TokenizerError; AbortedError; what the network throws. Answers
 *   that `onAnswer` was told are complete.
 */
export async function evaluateTask(
  remdm: EvaluatedModel,
  items: readonly TaskItem[],
  options: TaskOptions = {},
): Promise<TaskEvaluation> {
  const task = checkTask(options);
  const read = checkItems(items, task.scorer);
  const asked = { ...task.sampling, samples: task.repeats, prompt: "" };
  const { noise, batchSize } = remdm.sample(asked).settings;
  checkKind(remdm, read);
  const answers = new Map(task.earlier.map((answer) => [keyOf(answer), answer]));
  const isMissing = (item: ReadItem): boolean =>
    repeatsOf(item, task).some((repeat) => !answers.has(keyOf({ id: item.id, repeat })));
  const keys = read.flatMap((item) =>
    repeatsOf(item, task).map((repeat) => keyOf({ id: item.id, repeat })),
  );
  const known = keys.filter((key) => answers.has(key)).length;
  let done = known;
  const keep = (answer: TaskAnswer): void => {
    const key = keyOf(answer);
    if (answers.has(key)) return;
    answers.set(key, answer);
    task.onAnswer(answer);
    task.onProgress(++done, keys.length);
  };
  // All are laid out before the first is answered: an item that does not fit is found at once.
  const laidOut = new Map<number, LaidOut>();
  for (const [place, item] of read.entries()) {
    if (isMissing(item)) laidOut.set(place, await layOut(remdm, item, task));
  }
  task.onProgress(done, keys.length);
  const { concurrency, sampling } = task;
  await atOnce([...laidOut], concurrency, sampling.signal, async ([place, one], signal) => {
    if ("split" in one) {
      const options = { ...task, ...seedOf(task), batchSize, signal };
      keep(await answerChoice(remdm.denoiser, one.item, one.split, place, options));
      return;
    }
    const answers = await sampleAnswers(remdm, one, place, noise, { ...task, signal });
    answers.forEach(keep);
  });
  const ordered = keys.flatMap((key) => answers.get(key) ?? []);
  return { answers: ordered, scores: scoresOf(ordered) };
}

function keyOf({ id, repeat }: Pick<TaskAnswer, "id" | "repeat">): string {
  return `${repeat} ${id}`;
}

/** Numbers the answers of an item: a choice is weighed once. */
function repeatsOf({ scorer }: ReadItem, { repeats }: CheckedTask): number[] {
  return Array.from({ length: scorer === "choice" ? 1 : repeats }, (_, k) => k);
}

function seedOf({ sampling }: CheckedTask): { readonly seed: bigint } {
  return { seed: readSeed(sampling.seed) };
}

/** @throws OptionError for choices whose likelihood this kind of model has no bound for here. */
function checkKind({ denoiser }: EvaluatedModel, items: readonly ReadItem[]): void {
  const { kind = "mdlm" } = denoiser.model;
  if (kind === "mdlm" || kind === "ar") return;
  const item = items.find((one): one is ReadItem & ReadChoice => one.scorer === "choice");
  if (item === undefined) return;
  throw new OptionError("items", items, {
    message: `The item ${JSON.stringify(item.id)} needs the likelihood of its choices, which is not computed for ${kind} models`,
    remedy: "Take an mdlm or ar model, or leave out the items of the scorer choice.",
  });
}

type LaidOut = LaidOutChoice | LaidOutPrompt;

interface LaidOutChoice {
  readonly item: Extract<ReadItem, ReadChoice>;
  readonly split: SplitChoices;
}

interface LaidOutPrompt {
  readonly item: SampledItem;
  /** How many tokens of the text are not of the answer. */
  readonly given: number;
  readonly lengths: Pick<SampleOptions, "length" | "steps">;
}

/** Encodes an item. @throws OptionError for what does not fit into the model; TokenizerError. */
async function layOut(remdm: EvaluatedModel, item: ReadItem, task: CheckedTask): Promise<LaidOut> {
  if (item.scorer === "choice") return { item, split: await splitChoices(item, remdm) };
  const begun = remdm.denoiser.model.kind === "ar" ? 1 : 0;
  const given = begun + (await remdm.tokenizer.encode(item.prompt)).length;
  return { item, given, lengths: lengthsOf(remdm, item.id, given, task) };
}

async function sampleAnswers(
  remdm: EvaluatedModel,
  { item, given, lengths }: LaidOutPrompt,
  place: number,
  noise: RunSettings["noise"],
  task: CheckedTask & { readonly signal: AbortSignal },
): Promise<TaskAnswer[]> {
  const { tokenizer, denoiser } = remdm;
  const { repeats, signal } = task;
  const { seed } = seedOf(task);
  const { tokens, finishReasons } = await remdm
    .sample({
      ...task.sampling,
      ...lengths,
      ...(noise === "torch"
        ? { seed: BigInt.asUintN(64, seed + BigInt(place)) }
        : { firstSample: MOST_REPEATS * place }),
      ...{ prompt: item.prompt, samples: repeats, signal },
      ...(denoiser.model.eosId !== undefined && { until: "end" as const }),
    })
    .result();
  return tokens.map((ids, repeat) => {
    const answer = cutAtStop(answerText(ids, given, tokenizer), item.stop);
    const { id, scorer } = item;
    const finishReason = finishReasons[repeat];
    return { id, repeat, scorer, answer, ...scoreAnswer(answer, item), finishReason };
  });
}

/** Says how long the text of an item is, and in how many steps it comes. */
function lengthsOf(
  { denoiser: { model } }: EvaluatedModel,
  id: string,
  given: number,
  { answerLength, sampling }: CheckedTask,
): Pick<SampleOptions, "length" | "steps"> {
  const { strategy, steps, blockLength, quirks } = sampling;
  // The original ends every ar text with the token that begins it.
  const end = model.kind === "ar" && quirks !== "paper" ? 1 : 0;
  const longest = longestText(model);
  const room = longest - given - end;
  const most = answerLength ?? Math.min(DEFAULT_ANSWER_LENGTH, Math.max(1, room));
  const prompt = `The prompt of the item ${JSON.stringify(id)} has ${counted(given, "token")}`;
  if (room < 1) {
    throw new OptionError("items", id, {
      message: `${prompt}; the model takes ${longest}, the answer included`,
      remedy: "Shorten the prompt, or take a model for longer texts.",
    });
  }
  if (most > room) {
    throw new OptionError("answerLength", answerLength, {
      message: `${prompt}, which leaves room for ${room} of the model's ${longest}; the answer has ${most}`,
      remedy: `Shorten the prompt, or set \`answerLength\` to ${room} or less.`,
    });
  }
  const isStepped = model.kind !== "ar" && takesSteps(strategy);
  const isWhole = blockLength === undefined && model.blockLength === undefined;
  const perToken = isStepped && isWhole && steps === undefined;
  return { length: given + most + end, ...(perToken && { steps: most }) };
}

/**
 * Works on several things at a time; the first failure stops all of them.
 * @param signal of the caller; the work receives one that fires with it and with a failure.
 */
async function atOnce<Thing>(
  things: readonly Thing[],
  concurrency: number,
  signal: AbortSignal | undefined,
  work: (thing: Thing, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const release = signal && onAbort(signal, () => controller.abort(signal.reason));
  if (signal?.aborted) controller.abort(signal.reason);
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < things.length && failure === undefined) {
      try {
        await work(things[next++], controller.signal);
      } catch (error) {
        failure ??= { error };
        controller.abort(error);
      }
    }
  };
  const workers = Array.from({ length: Math.min(concurrency, things.length) }, worker);
  await Promise.all(workers);
  release?.();
  if (failure !== undefined) throw failure.error;
}
