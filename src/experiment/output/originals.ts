/** Writes a cell in the file format of the original repository: `original/CELL.json`. */
import { join } from "node:path";
import { formatOriginal } from "../../evaluation/texts/originalFormat.ts";
import { tokenEntropy } from "../../evaluation/measures/entropy.ts";
import { readCellSamples } from "../run/cellSamples.ts";
import { makeDirectory, replaceText } from "../../foundation/durableFiles.ts";
import type { CellResult } from "../run/results.ts";

/**
 * Writes one cell.
 * @param out the output directory, which has the samples of the cell.
 * @throws RemdmError output_failed.
 */
export function writeOriginal(out: string, { cell, evaluation }: CellResult): void {
  makeDirectory(join(out, "original"));
  const samples = readCellSamples(join(out, "samples", `${cell}.jsonl`));
  const { entropy, genPpl, mauve } = evaluation;
  const text = formatOriginal({
    entropies: samples.map(({ tokens }) => tokenEntropy(tokens)),
    texts: samples.map((sample) => sample.text),
    ...(entropy.mean !== null && { entropy: entropy.mean }),
    ...(isNumber(genPpl?.value) && { genPpl: genPpl.value }),
    ...(isNumber(mauve?.mean) && { mauve: mauve.mean }),
  });
  replaceText(join(out, "original", `${cell}.json`), text);
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === "number";
}
