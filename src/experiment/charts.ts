import type { OutputDirectory } from "./directory.ts";
import type { CellResult } from "./results.ts";
/** stub to be replaced in a minute */
export async function writeCharts(
  _d: OutputDirectory,
  _n: string,
  _r: readonly CellResult[],
  _t: string,
): Promise<void> {
  await Promise.resolve();
}
