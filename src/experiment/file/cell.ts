/** A cell: one point of an experiment's grid, sampled and evaluated as one. */
import { createHash } from "node:crypto";
import { isRecord } from "../../foundation/checks.ts";
import type { SampleOptions } from "../../program/sampleOptions.ts";
import type { TokenName } from "../../program/tokenNames.ts";
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
  /** Whether the file gives the label; else it is the name of the strategy. */
  readonly isLabelled: boolean;
  readonly strategy: Strategy | DefinedStrategy;
  /** Names of the strategy's options that the file gives. */
  readonly given: readonly string[];
  /** undefined: the strategy has no eta, or several. */
  readonly eta: number | undefined;
  /** undefined: the strategy has no number of steps (`ar`, `threshold`). */
  readonly steps: number | undefined;
  /** undefined: the strategy has no nucleus. */
  readonly topP: number | undefined;
  readonly temperature: number;
  /** undefined: all tokens. */
  readonly topK: number | undefined;
  readonly banned: readonly TokenName[];
  readonly suppressed: readonly TokenName[];
  readonly seed: number;
  readonly samples: number;
  readonly length: number | undefined;
  /** undefined: as a whole, or in the model's own blocks. */
  readonly blockLength: number | undefined;
  readonly batchSize: number | undefined;
  readonly quirks: Quirks;
  readonly executor: "events" | "dense";
  /** Place of its strategy in the file. */
  readonly path: Path;
}

/** Gives the sampler's options for a cell. */
export function samplerOptionsOf(cell: Cell): SampleOptions {
  const { strategy, steps, topP, temperature, topK, seed, samples, length } = cell;
  const { banned, suppressed, blockLength, batchSize, quirks, executor } = cell;
  return {
    strategy,
    topP: topP ?? 1,
    temperature,
    seed,
    samples,
    quirks,
    ...(executor === "dense" && { executor }),
    ...(topK !== undefined && { topK }),
    ...(banned.length > 0 && { banned }),
    ...(suppressed.length > 0 && { suppressed }),
    ...(steps !== undefined && { steps }),
    ...(length !== undefined && { length }),
    ...(blockLength !== undefined && { blockLength }),
    ...(batchSize !== undefined && { batchSize }),
  };
}

/**
 * Names a cell by what tells it from its neighbours, in letters that every file system takes.
 * @param settings of the strategy, as the file says them.
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
      ...Object.entries(settings)
        .filter(([key]) => key !== "eta")
        .map(([key, value]) => key + idOf(value)),
    ].join("-"),
    ...(cell.steps === undefined ? [] : [`T${cell.steps}`]),
    ...(cell.topP === undefined ? [] : [`p${cell.topP}`]),
    ...(cell.temperature === 1 ? [] : [`temp${cell.temperature}`]),
    ...(cell.topK === undefined ? [] : [`k${cell.topK}`]),
    ...(cell.banned.length === 0 ? [] : [`ban${idOf(cell.banned)}`]),
    ...(cell.suppressed.length === 0 ? [] : [`suppress${idOf(cell.suppressed)}`]),
    ...(cell.length === undefined ? [] : [`L${cell.length}`]),
    ...(cell.blockLength === undefined ? [] : [`B${cell.blockLength}`]),
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

/** The most characters of a list or a record in an id. */
const MAX_VALUE = 32;

/** Writes a value in an id: `0.5`, `8-8-16`, `loop+tOn0.6`; a long one by its digest's start. */
function idOf(value: unknown): string {
  if (!isRecord(value) && !Array.isArray(value)) return String(value);
  const text = Array.isArray(value)
    ? value.join("-")
    : Object.entries(value)
        .map(([key, one]) => (key === "kind" ? String(one) : key + String(one)))
        .join("+");
  if (text.length <= MAX_VALUE && /^[\w.+-]+$/.test(text)) return text;
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 8);
}
