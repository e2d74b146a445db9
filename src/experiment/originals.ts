/** Each cell in the file format of the original repository, for its readers: `original/CELL.json`. */
import { join } from "node:path";
import { formatOriginal } from "../evaluation/originalFormat.ts";
import { tokenEntropy } from "../metrics/entropy.ts";
import { readSamples } from "./cellSamples.ts";
import type { Cell } from "./cells.ts";
import { makeDirectory, replaceText } from "./files.ts";
import type { CellResult } from "./results.ts";

/**
 * @param out the output directory of an experiment that is done.
 * @returns the files' paths.
 * @throws RemdmError output_failed.
 */
export function writeOriginals(
  out: string,
  cells: readonly Cell[],
  results: readonly CellResult[],
): string[] {
  makeDirectory(join(out, "original"));
  return results.flatMap(({ cell: id, evaluation }) => {
    const cell = cells.find((one) => one.id === id);
    if (cell === undefined) return [];
    const samples = readSamples(join(out, "samples", `${id}.jsonl`));
    const { entropy, genPpl, mauve } = evaluation;
    const path = join(out, "original", `${id}.json`);
    const text = formatOriginal({
      entropies: samples.map(({ tokens }) => tokenEntropy(tokens)),
      texts: samples.map((sample) => sample.text),
      ...(entropy.mean !== null && { entropy: entropy.mean }),
      ...(isNumber(genPpl?.value) && { genPpl: genPpl.value }),
      ...(isNumber(mauve?.mean) && { mauve: mauve.mean }),
    });
    replaceText(path, text);
    return [path];
  });
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number";
}
