/** A cell: one point of an experiment's grid, sampled and evaluated as one. */
import type { SamplerOptions } from "../../sampler/events.ts";
import type { DefinedStrategy } from "../../sampler/definition.ts";
import type { Quirks } from "../../sampler/quirks.ts";
import type { Strategy } from "../../sampler/strategy.ts";
import { invalid } from "../errors.ts";
import type { Path, Source } from "./source.ts";

export interface Cell {
  /** Names its file and its line of results; states all that tells the cell from its neighbours. */
  readonly id: string;
  /** Name of its model. */
  readonly model: string;
  /** Name of the strategy in tables. */
  readonly label: string;
  readonly strategy: Strategy | DefinedStrategy;
  /** undefined: the strategy has no eta, or several. */
  readonly eta: number | undefined;
  /** undefined: the strategy takes no steps (`ar`). */
  readonly steps: number | undefined;
  /** undefined: the strategy has no nucleus. */
  readonly topP: number | undefined;
  readonly temperature: number;
  /** undefined: all tokens. */
  readonly topK: number | undefined;
  readonly seed: number;
  readonly samples: number;
  readonly length: number | undefined;
  readonly batchSize: number | undefined;
  readonly quirks: Quirks;
  readonly executor: "events" | "dense";
  /** Place of its strategy in the file. */
  readonly path: Path;
}

/** Gives the sampler's options for a cell. */
export function samplerOptionsOf(cell: Cell): SamplerOptions {
  const { strategy, steps, topP, temperature, topK, seed, samples, length } = cell;
  const { batchSize, quirks, executor } = cell;
  return {
    strategy,
    topP: topP ?? 1,
    temperature,
    seed,
    samples,
    quirks,
    ...(executor === "dense" && { executor }),
    ...(topK !== undefined && { topK }),
    ...(steps !== undefined && { steps }),
    ...(length !== undefined && { length }),
    ...(batchSize !== undefined && { batchSize }),
  };
}

/**
 * Names a cell by what tells it from its neighbours, in letters that every file system takes.
 * @returns for example `mdlm_remdm-cap-eta0.04_T128_p0.9_seed1`.
 * @throws ExperimentError experiment_invalid for names that are too long or begin with a dot.
 */
export function cellId(
  cell: Omit<Cell, "id">,
  settings: Readonly<Record<string, unknown>>,
  source: Source,
): string {
  const { eta } = cell;
  const parts = [
    cell.model,
    [
      cell.label,
      ...(eta === undefined ? [] : [`eta${eta}`]),
      ...Object.entries(settings).map(([key, value]) => `${key}${String(value)}`),
    ].join("-"),
    ...(cell.steps === undefined ? [] : [`T${cell.steps}`]),
    ...(cell.topP === undefined ? [] : [`p${cell.topP}`]),
    ...(cell.temperature === 1 ? [] : [`temp${cell.temperature}`]),
    ...(cell.topK === undefined ? [] : [`k${cell.topK}`]),
    ...(cell.length === undefined ? [] : [`L${cell.length}`]),
    ...(cell.quirks === "paper" ? ["paper"] : []),
    ...(cell.executor === "dense" ? ["dense"] : []),
    `seed${cell.seed}`,
  ];
  const id = parts.map((part) => part.replace(/[^\w.+-]+/g, "-")).join("_");
  if (id.length <= 200 && !id.startsWith(".")) return id;
  throw invalid(
    source.where(cell.path),
    `makes the file name ${id}, which is too long or begins with a dot`,
    "Use shorter names and labels.",
  );
}
