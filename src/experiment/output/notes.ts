/** Writes the notes below a table: what its numbers mean, the judge, and what is missing or odd. */
import { defaultLength } from "../../sampler/denoiser.ts";
import { written } from "../../sampler/optionTable.ts";
import { skipNotes } from "../../evaluation/skipped.ts";
import { unknownNotes } from "../../evaluation/texts/unknownPieces.ts";
import type { CellResult } from "../run/results.ts";
import { MEASURES, type Measure } from "./measures.ts";
import { shownOptions } from "./strategyOptions.ts";
import { TOKEN_SETTINGS } from "./variants.ts";

/** States the judge, the settings of MAUVE, and the settings that all cells share. */
function settingsNote(results: readonly CellResult[]): string {
  const one = <T>(of: (result: CellResult) => T): T | undefined => {
    const [first, ...others] = new Set(results.map(of));
    return others.length === 0 ? first : undefined;
  };
  const said: string[] = [];
  for (const name of new Set(results.flatMap(({ judge }) => judge?.name ?? []))) {
    said.push(`Judge: ${name}.`);
  }
  const mauves = new Set(
    results.flatMap(({ evaluation: { mauve } }) =>
      mauve === undefined
        ? []
        : `MAUVE: scale ${mauve.scale}, k-means seeds ${Object.values(mauve.seeds).join(", ")}, ${mauve.references} references.`,
    ),
  );
  const [topP, temperature, topK, seed] = [
    one(({ topP }) => topP),
    one(({ settings }) => settings.temperature),
    one(({ settings }) => settings.topK),
    one(({ seed }) => seed),
  ];
  const blockLength = one(({ settings }) => settings.blockLength);
  const length = one(({ card, settings }) => settings.length ?? defaultLength(card));
  const shared = [
    ...shownOptions(results).flatMap(({ title, show }) => {
      const value = one(show);
      return value === undefined ? [] : [`${title} ${value}`];
    }),
    ...(typeof topP === "number" ? [`top-p ${topP}`] : []),
    ...(typeof temperature === "number" ? [`temperature ${temperature}`] : []),
    ...(typeof topK === "number" ? [`top-k ${topK}`] : []),
    ...TOKEN_SETTINGS.flatMap((name) => {
      const tokens = one(({ settings }) => written(settings[name]));
      return tokens === undefined || tokens === "none" ? [] : [`${name} ${tokens}`];
    }),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
    ...(typeof length === "number" ? [`${length} tokens a sample`] : []),
    ...(typeof blockLength === "number" ? [`blocks of ${blockLength} tokens`] : []),
  ];
  if (shared.length > 0) mauves.add(`All rows: ${shared.join(", ")}.`);
  return [...said, ...mauves].join(" ");
}

export function notesOn(results: readonly CellResult[]): string[] {
  const counts = [...new Set(results.map(({ samples }) => samples))];
  const isThere = ({ of }: Measure): boolean => results.some((result) => of(result) !== undefined);
  const said = [
    [
      counts.length === 1 ? `${counts[0]} samples a row.` : "Samples a row as listed.",
      ...MEASURES.filter(isThere).flatMap(({ note }) => note ?? []),
    ].join(" "),
  ];
  const settings = settingsNote(results);
  if (settings !== "") said.push(settings);
  said.push(...skippedNotes(results), ...tieNotes(results));
  const collapsed = results.filter(({ evaluation }) => evaluation.collapse.collapsed);
  for (const { cell, evaluation } of collapsed) {
    said.push(`${cell} has collapsed: ${evaluation.collapse.reasons.join(" ")}`);
  }
  for (const { cell, evaluation } of results) {
    said.push(...unknownNotes(evaluation).map((note) => `${cell}: ${note}`));
  }
  if (results.some(({ paper }) => paper !== null)) {
    said.push(
      "The paper's columns are the rows of arXiv 2503.00307 with the same strategy, steps, eta and nucleus at L = 1,024: 5,000 samples, GPT-2 large as the judge; its MAUVE and perplexity are left out beside another judge's. They stand beside models of the published size; what a model was trained on cannot be seen from its file.",
    );
  }
  return said;
}

/** States what is missing in some rows, and why. */
function skippedNotes(results: readonly CellResult[]): string[] {
  const all = results.flatMap(({ evaluation: { skipped } }) => skipped ?? []);
  return skipNotes(all).map(({ note, remedy, message }) => {
    const rows = results.filter(({ evaluation: { skipped } }) =>
      (skipped ?? []).some((one) => one.message === message),
    );
    const where =
      rows.length === results.length ? "all rows" : rows.map(({ cell }) => cell).join(", ");
    return `${note} ${remedy} (${where})`;
  });
}

/** States where mauve-text's number depends on the computer. */
function tieNotes(results: readonly CellResult[]): string[] {
  const tied = results.filter(({ evaluation: { mauve } }) => mauve?.tiedSeeds !== undefined);
  if (tied.length === 0) return [];
  const cells = tied.map(({ cell }) => cell).join(", ");
  return [
    `MAUVE of ${cells}: for some k-means seeds as many samples as references fall into each cluster; mauve-text then says 1 or 0.75, depending on the CPU. More samples make that rare.`,
  ];
}
