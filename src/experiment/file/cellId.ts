/** The name of a cell: what makes it another one than its neighbours, fit for a file name everywhere. */
import type { StrategySettings } from "../../sampler/strategyName.ts";
import { invalid, type Cell } from "./cells.ts";
import type { Source } from "./source.ts";

/** @returns for example `mdlm_remdm-cap-eta0.04_T128_p0.9_seed1`. */
export function cellId(cell: Omit<Cell, "id">, settings: StrategySettings, source: Source): string {
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
    ...(cell.length === undefined ? [] : [`L${cell.length}`]),
    ...(cell.compat === "paper" ? ["paper"] : []),
    ...(cell.executor === "dense" ? ["dense"] : []),
    `seed${cell.seed}`,
  ];
  const id = parts.map((part) => part.replace(/[^\w.+-]+/g, "-")).join("_");
  if (id.length <= 200 && !id.startsWith(".")) return id;
  throw invalid(
    source.where(cell.path),
    `makes a file name that will not do: ${id}`,
    "Use shorter names and labels.",
  );
}
