/** The table of an experiment, in Markdown: a row a cell, the paper's row beside it where there is one. */
import { isPaperJudge } from "../run/paperRow.ts";
import type { CellResult } from "../run/results.ts";
import { markdownTable, oneLine, type Title } from "./markup.ts";
import { MEASURES, type Measure, type Measured } from "./measures.ts";
import { notesOn } from "./notes.ts";
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
    ...MEASURES.map(columnOf),
    {
      title: "collapse",
      isText: true,
      show: ({ evaluation: { collapse } }) => (collapse.collapsed ? "**collapsed**" : ""),
    },
    ...MEASURES.flatMap(paperColumnOf),
  ];
}

function columnOf({ title, digits, unit, of }: Measure): Column {
  return { title, show: (result) => shown(of(result), digits, unit) };
}

/** The paper's number beside the cell's; another judge's numbers do not compare. */
function paperColumnOf({ digits, unit, paper: column }: Measure): Column[] {
  if (column === undefined) return [];
  const { title, of, isJudged = false } = column;
  const show = ({ paper, judge }: CellResult): string => {
    if (paper === null || (isJudged && !isPaperJudge(judge))) return "";
    return shown({ value: paper[of], error: null }, digits, unit);
  };
  return [{ title: `paper: ${title}`, show }];
}

/** Writes `0.934 ± 0.019`, or `85.2%`; nothing for a value that is not finite. */
function shown(measured: Measured | undefined, digits: number, unit: Measure["unit"]): string {
  const [factor, sign] = unit === "share" ? [100, "%"] : [1, ""];
  const fixed = (x: number | null | undefined): string | undefined =>
    typeof x === "number" && Number.isFinite(x) ? (x * factor).toFixed(digits) + sign : undefined;
  const [value, error] = [fixed(measured?.value), fixed(measured?.error)];
  if (value === undefined) return "";
  return error === undefined ? value : `${value} ± ${error}`;
}
