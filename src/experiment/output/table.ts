/** The table of an experiment, in Markdown: a row a cell, the paper's row beside it where there is one. */
import { skipNotes } from "../../evaluation/skipped.ts";
import { unknownNotes } from "../../evaluation/texts/unknownPieces.ts";
import { markdownTable, oneLine, type Title } from "./markdown.ts";
import { isPaperJudge, type PaperRow } from "../file/paper.ts";
import type { CellResult } from "./results.ts";
import { differing, variantOf } from "./variants.ts";

interface Column extends Title {
  /** Empty: nothing to say. */
  readonly show: (result: CellResult) => string;
}

export interface TableParts {
  readonly titles: readonly { readonly title: string; readonly isText: boolean }[];
  /** In the order of `titles`; columns that nothing is in are left out. */
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

export function tableParts(results: readonly CellResult[]): TableParts {
  const columns = columnsFor(results).filter(({ show }) =>
    results.some((result) => show(result) !== ""),
  );
  return {
    titles: columns.map(({ title, isText = false }) => ({ title, isText })),
    rows: results.map((result) => columns.map(({ show }) => show(result))),
    notes: notesOn(results),
  };
}

/** @param results of one experiment, in its order. */
export function tableOf(name: string, results: readonly CellResult[]): string {
  if (results.length === 0) return `# ${name}\n\nNo cell is finished yet.\n`;
  const { titles, rows, notes } = tableParts(results);
  return [
    `# ${oneLine(name)}`,
    "",
    ...markdownTable(titles, rows),
    ...notes.flatMap((note) => ["", oneLine(note)]),
    "",
  ].join("\n");
}

/** Of MAUVE, beside the number itself. */
export const MAUVE_ERROR =
  "standard deviation over the seeds of its k-means, not the error from few samples, which is larger";

/** Those that have columns or notes of their own. */
const COLUMNED = ["model", "eta", "p", "samples"];

/** What else tells cells of the same label apart, a column each. */
function variantColumns(results: readonly CellResult[]): Column[] {
  const labels = new Set(results.map(({ label }) => label));
  const keys = new Set([...labels].flatMap((label) => differing(results, label)));
  return [...keys]
    .filter((key) => !COLUMNED.includes(key))
    .map((key) => ({ title: key, show: (result) => variantOf(result)[key] ?? "" }));
}

function columnsFor(results: readonly CellResult[]): Column[] {
  const varies = (key: "eta" | "topP" | "seed" | "samples"): boolean =>
    new Set(results.map((result) => result[key])).size > 1;
  const when = (condition: boolean, column: Column): Column[] => (condition ? [column] : []);
  return [
    { title: "model", isText: true, show: ({ model }) => model },
    { title: "strategy", isText: true, show: ({ label }) => label },
    { title: "steps", show: ({ steps }) => String(steps ?? "") },
    ...when(varies("eta"), { title: "eta", show: ({ eta }) => String(eta ?? "") }),
    ...when(varies("topP"), { title: "top-p", show: ({ topP }) => String(topP ?? "none") }),
    ...when(varies("seed"), { title: "seed", show: ({ seed }) => String(seed) }),
    ...when(varies("samples"), { title: "samples", show: ({ samples }) => String(samples) }),
    ...variantColumns(results),
    {
      title: "MAUVE",
      show: ({ evaluation: { mauve } }) =>
        mauve === undefined ? "" : pm(mauve.mean, mauve.standardDeviation, 3),
    },
    {
      title: "gen. PPL",
      show: ({ evaluation: { genPpl } }) =>
        genPpl === undefined ? "" : pm(genPpl.value, genPpl.standardError, 1),
    },
    {
      title: "entropy",
      show: ({ evaluation: { entropy } }) => pm(entropy.mean, entropy.standardError, 2),
    },
    { title: "distinct-2", show: ({ evaluation }) => fixed(evaluation.distinct2, 3) },
    { title: "repetition", show: ({ evaluation }) => percent(evaluation.repetition) },
    { title: "known words", show: ({ evaluation }) => percent(evaluation.knownWords) },
    { title: "calls/sample", show: ({ forwardCalls }) => fixed(forwardCalls, 0) },
    {
      title: "collapse",
      isText: true,
      show: ({ evaluation: { collapse } }) => (collapse.collapsed ? "**collapsed**" : ""),
    },
    // Another judge's numbers do not compare.
    { title: "paper: MAUVE", show: (one) => fixed(judgedAsInPaper(one)?.mauve, 3) },
    { title: "paper: PPL", show: (one) => fixed(judgedAsInPaper(one)?.genPpl, 1) },
    { title: "paper: entropy", show: ({ paper }) => fixed(paper?.entropy, 2) },
  ];
}

function judgedAsInPaper({ paper, judge }: CellResult): PaperRow | null {
  return isPaperJudge(judge) ? paper : null;
}

/** Who judged and with what, and the settings that all cells share. */
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
  const [eta, topP, seed] = [
    one(({ eta }) => eta),
    one(({ topP }) => topP),
    one(({ seed }) => seed),
  ];
  const length = one(({ card, settings }) => settings.length ?? card.length);
  const shared = [
    ...(typeof eta === "number" ? [`eta ${eta}`] : []),
    ...(typeof topP === "number" ? [`top-p ${topP}`] : []),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
    ...(typeof length === "number" ? [`${length} tokens a sample`] : []),
  ];
  if (shared.length > 0) mauves.add(`All rows: ${shared.join(", ")}.`);
  return [...said, ...mauves].join(" ");
}

function notesOn(results: readonly CellResult[]): string[] {
  const counts = [...new Set(results.map(({ samples }) => samples))];
  const has = (key: "mauve" | "genPpl"): boolean =>
    results.some(({ evaluation }) => evaluation[key] !== undefined);
  const said = [
    [
      counts.length === 1 ? `${counts[0]} samples a row.` : "Samples a row as listed.",
      ...(has("mauve") ? [`MAUVE: mean ± ${MAUVE_ERROR}.`] : []),
      ...(has("genPpl") ? ["Generative perplexity: ± standard error over samples."] : []),
      "Entropy: nats, of each sample's own tokens, ± standard error over samples.",
      "Repetition: share of 4-grams that occurred earlier in their sample.",
      "Calls: of the network, that a sample takes part in.",
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

/** What is missing in some rows, and why. */
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

/** Where mauve-text's number depends on the computer. */
function tieNotes(results: readonly CellResult[]): string[] {
  const tied = results.filter(({ evaluation: { mauve } }) => mauve?.tiedSeeds !== undefined);
  if (tied.length === 0) return [];
  const cells = tied.map(({ cell }) => cell).join(", ");
  return [
    `MAUVE of ${cells}: for some k-means seeds as many samples as references fall into each cluster; mauve-text then says 1 or 0.75, depending on the CPU. More samples make that rare.`,
  ];
}

function pm(value: number | null, error: number | null, digits: number): string {
  if (value === null || !Number.isFinite(value)) return "";
  const own = value.toFixed(digits);
  return error === null || !Number.isFinite(error) ? own : `${own} ± ${error.toFixed(digits)}`;
}

function fixed(value: number | null | undefined, digits: number): string {
  return value === null || value === undefined || !Number.isFinite(value)
    ? ""
    : value.toFixed(digits);
}

function percent(value: number | null | undefined): string {
  const shown = fixed(value === null || value === undefined ? value : value * 100, 1);
  return shown === "" ? "" : `${shown}%`;
}
