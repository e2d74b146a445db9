/** Runs `remdm eval --task`: it launches a model, answers the items, scores, prints and keeps. */
import { createHash } from "node:crypto";
import { modelFacts } from "../../../../checkpoints/facts.ts";
import { readAnswers, type TaskRun } from "../../../../evaluation/tasks/answersFile.ts";
import { InputError } from "../../../../evaluation/errors.ts";
import type { TaskItem } from "../../../../evaluation/tasks/item.ts";
import {
  compareTasks,
  mismatchOf,
  type TaskAnswer,
  type TaskComparison,
} from "../../../../evaluation/tasks/scores.ts";
import { checkItems, readTask } from "../../../../evaluation/tasks/taskFile.ts";
import { checkInteger } from "../../../../foundation/checks.ts";
import { counted } from "../../../../foundation/messages.ts";
import { evaluateTask, type TaskEvaluation } from "../../../../program/tasks/evaluateTask.ts";
import { checkTask, type TaskOptions } from "../../../../program/tasks/taskOptions.ts";
import type { DefinedStrategy } from "../../../../sampler/definition.ts";
import type { ModelKind } from "../../../../sampler/denoiser.ts";
import type { Session } from "../../../runCommand.ts";
import { stageView } from "../../../terminal/stepsView.ts";
import { harmless, toJson } from "../../../terminal/terminalText.ts";
import { launchModel } from "../../sample/launch.ts";
import { checkFlags, samplingOptions } from "../../sample/samplingOptions.ts";
import { ownStrategy } from "../../sample/strategyOptions.ts";
import { AnswerFile, asJson, checkOutFlags } from "./answerFile.ts";
import type { TaskFlags } from "./flags.ts";
import { describeComparison, describeScores } from "./report.ts";

/** Evaluates a model on a task. @throws what the library throws. */
export async function evaluateOnTask(session: Session, flags: TaskFlags): Promise<void> {
  const { progress, signal, print } = session;
  const own = await ownStrategy(flags);
  checkOutFlags(flags);
  const { concurrency } = flags;
  const asked = optionsOf(flags, modelFacts(flags.checkpoint).kind ?? "mdlm", own);
  checkTask({ ...asked, ...(concurrency !== undefined && { concurrency }) });
  checkFlags({ ...flags, samples: flags.repeats }, own, undefined, true);
  progress.phase(`Reading ${flags.task} ...`);
  const items = await itemsOf(flags, signal);
  const against = await answersAgainst(flags, items, signal);
  const { out: path, force = false, resume = false } = flags;
  using file = path === undefined ? undefined : new AnswerFile(path, { force, resume });
  let done = 0;
  let total = 0;
  session.onStopped(() => stopped(done, total, path));
  await using remdm = await launchModel(session, flags);
  const options = optionsOf(flags, remdm.model.kind, own);
  const run = asJson({ ...settingsOf(flags, items), ...options, tokenizer: flags.tokenizer });
  const earlier = file?.begin(run) ?? [];
  const startedAt = performance.now();
  const evaluation = await evaluateTask(remdm, items, {
    ...{ ...options, signal, earlier },
    ...(concurrency !== undefined && { concurrency }),
    onAnswer: (answer) => file?.append(answer),
    onProgress: (...counts) => {
      [done, total] = counts;
      progress.show(stageView("answers", done, total));
    },
  });
  progress.end();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const kept = earlier.length > 0 ? `; ${earlier.length} were there` : "";
  progress.note(`${counted(total - earlier.length, "answer")} in ${seconds} s${kept}`);
  const comparison = against && compareTasks(evaluation.answers, against);
  print(
    `${flags.json ? toJson({ ...evaluation, ...(comparison && { comparison }), run }) : harmless(described(flags, evaluation, comparison))}\n`,
  );
}

/** @throws InputError. */
async function itemsOf(flags: TaskFlags, signal: AbortSignal): Promise<readonly TaskItem[]> {
  const { task, scorer, limit } = flags;
  if (limit !== undefined) checkInteger("limit", limit, 1, Number.MAX_SAFE_INTEGER);
  const items = await readTask(task, { signal, ...(scorer !== undefined && { scorer }) });
  return items.slice(0, limit);
}

/** Reads the answers to compare with, and sees to it that they can be. @throws InputError. */
async function answersAgainst(
  { against, task }: TaskFlags,
  items: readonly TaskItem[],
  signal: AbortSignal,
): Promise<readonly TaskAnswer[] | undefined> {
  if (against === undefined) return undefined;
  const { answers } = await readAnswers(against, { signal });
  const mismatch = mismatchOf(checkItems(items), answers, [task, against]);
  if (mismatch === undefined) return answers;
  throw new InputError(
    against,
    `cannot be compared: ${mismatch}`,
    "Compare answers to all items of one task; go on with an unfinished file by --out and --resume.",
  );
}

function optionsOf(
  flags: TaskFlags,
  kind: ModelKind,
  own: DefinedStrategy | undefined,
): TaskOptions {
  const { answerLength, likelihoodSamples, choiceScore } = flags;
  const asked = { ...flags, samples: flags.repeats };
  const { samples: repeats = 1, ...sampling } = samplingOptions(asked, kind, own);
  return {
    ...sampling,
    repeats,
    ...(answerLength !== undefined && { answerLength }),
    ...(likelihoodSamples !== undefined && { likelihoodSamples }),
    ...(choiceScore !== undefined && { choiceScore }),
  };
}

/** What the answers depend on beside the options of the library. */
function settingsOf(flags: TaskFlags, items: readonly TaskItem[]): TaskRun {
  const { task, checkpoint, rawWeights = false, dtype } = flags;
  const asked = items.map(({ metadata: _, ...rest }) => rest);
  const sha256 = createHash("sha256").update(JSON.stringify(asked)).digest("hex");
  return { task, items: items.length, sha256, checkpoint, rawWeights, dtype };
}

function described(
  { task, checkpoint, against }: TaskFlags,
  { answers, scores }: TaskEvaluation,
  comparison: TaskComparison | undefined,
): string {
  const heading = `${task}: ${counted(scores.all.items, "item")}, ${counted(answers.length, "answer")} of ${checkpoint}`;
  const parts = [heading, "", describeScores(scores)];
  if (comparison !== undefined && against !== undefined) {
    parts.push("", describeComparison(comparison, against));
  }
  return parts.join("\n");
}

/** Says what there is after Ctrl-C. @param path of the file that keeps the answers. */
function stopped(done: number, total: number, path: string | undefined): string {
  const of = `${done} of ${counted(total, "answer")}`;
  return path === undefined
    ? `Stopped. ${of} had finished and are lost: use --out to keep them.`
    : `Stopped. ${of} kept in ${path}; --resume goes on with it.`;
}
