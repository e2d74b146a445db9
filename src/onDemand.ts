/**
 * Loads what sampling does not need when it is first called: measures of texts, experiments, tasks,
 * downloads and conversions. Each of these functions is async, so its callers see no difference,
 * and `import "remdm"` takes a third of the time. Types and documentation are the function's own.
 */
import type * as download from "./checkpoints/download.ts";
import type * as evaluation from "./evaluation/evaluate.ts";
import type * as answersFile from "./evaluation/tasks/answersFile.ts";
import type * as taskFile from "./evaluation/tasks/taskFile.ts";
import type * as referencesFile from "./evaluation/texts/referencesFile.ts";
import type * as samplesFile from "./evaluation/texts/samplesFile.ts";
import type * as experiment from "./experiment/experiment.ts";
import type * as conversion from "./program/convertCheckpoint.ts";
import type * as task from "./program/tasks/evaluateTask.ts";

export const convertCheckpoint: typeof conversion.convertCheckpoint = async (...given) =>
  (await import("./program/convertCheckpoint.ts")).convertCheckpoint(...given);

/** It has two signatures, which no function expression has. */
export const downloadCheckpoint = (async (
  ...given: Parameters<typeof download.downloadCheckpoint>
) =>
  (await import("./checkpoints/download.ts")).downloadCheckpoint(
    ...given,
  )) as typeof download.downloadCheckpoint;

export const evaluate: typeof evaluation.evaluate = async (...given) =>
  (await import("./evaluation/evaluate.ts")).evaluate(...given);

export const evaluateTask: typeof task.evaluateTask = async (...given) =>
  (await import("./program/tasks/evaluateTask.ts")).evaluateTask(...given);

export const readAnswers: typeof answersFile.readAnswers = async (...given) =>
  (await import("./evaluation/tasks/answersFile.ts")).readAnswers(...given);

export const readReferences: typeof referencesFile.readReferences = async (...given) =>
  (await import("./evaluation/texts/referencesFile.ts")).readReferences(...given);

export const readSamples: typeof samplesFile.readSamples = async (...given) =>
  (await import("./evaluation/texts/samplesFile.ts")).readSamples(...given);

export const readTask: typeof taskFile.readTask = async (...given) =>
  (await import("./evaluation/tasks/taskFile.ts")).readTask(...given);

export const runExperiment: typeof experiment.runExperiment = async (...given) =>
  (await import("./experiment/experiment.ts")).runExperiment(...given);
