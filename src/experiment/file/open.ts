/** Opens an experiment: reads it, and loads the strategies of the user's own that it names. */
import { OptionError } from "../../foundation/errors.ts";
import { isModuleName } from "../../program/loadExport.ts";
import { loadStrategy } from "../../program/loadStrategy.ts";
import { ExperimentError } from "../errors.ts";
import type { OwnStrategies } from "./cells.ts";
import { parseExperiment, resolveExperiment, type Experiment } from "./read.ts";
import { checkShape } from "./schema.ts";
import { Source } from "./source.ts";
import type { ExperimentFile } from "./types.ts";

/**
 * @param given the path of a YAML or JSON file, or the contents of one as an object; relative paths
 *   start from the file's directory, in an object from the working directory.
 * @throws ExperimentError experiment_invalid.
 */
export async function openExperiment(given: ExperimentFile | string): Promise<Experiment> {
  const { value, source, base } =
    typeof given === "string"
      ? parseExperiment(given)
      : { value: given, source: new Source("the experiment"), base: process.cwd() };
  const own = await ownStrategies(checkShape(value, source), base, source);
  return resolveExperiment(value, base, source, own);
}

/** Loads each module once, by the name that the file has for it. */
async function ownStrategies(
  file: ExperimentFile,
  base: string,
  source: Source,
): Promise<OwnStrategies> {
  const own = new Map<string, Awaited<ReturnType<typeof loadStrategy>>>();
  for (const [m, model] of file.models.entries()) {
    for (const [s, entry] of model.strategies.entries()) {
      const name = typeof entry === "string" ? entry : entry.name;
      if (!isModuleName(name) || own.has(name)) continue;
      try {
        own.set(name, await loadStrategy(name, base));
      } catch (error) {
        if (!(error instanceof OptionError)) throw error;
        const place = source.where(["models", m, "strategies", s]);
        const { message, remedy } = error;
        throw new ExperimentError("experiment_invalid", `${place}: ${message}`, remedy, error);
      }
    }
  }
  return own;
}
