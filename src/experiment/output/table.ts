/** Makes the table of an experiment: a row for each cell, beside the paper's row of its setting. */
import { written } from "../../sampler/optionTable.ts";
import { ownValue } from "../../foundation/checks.ts";
import { isPaperJudge } from "../run/paperRow.ts";
import type { CellResult } from "../run/results.ts";
import { markdownTable, oneLine, type Title } from "./markup.ts";
import { MEASURES, type Measure, type Measured } from "./measures.ts";
import { notesOn } from "./notes.ts";
import { optionsOf, shownOptions } from "./strategyOptions.ts";
import { differing, numberOr, TOKEN_SETTINGS, variantOf } from "./variants.ts";

interface Column extends Title {
  /** Gives the text of a field; a column whose fields are all empty is left out. */
  readonly show: (result: CellResult) => string;
}

/** A table that is not laid out yet. */
export interface TableParts {
  readonly titles: readonly { readonly title: string; readonly isText: boolean }[];
  /** Fields in the order of `titles`. */
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Makes titles, rows and notes, for Markdown and for the report. */
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

/** Writes the table in Markdown. @param results of one experiment, in its order. */
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

/** Settings that have columns or notes of their own. */
const COLUMNED = ["model", "p", "temperature", "top-k", "samples", ...TOKEN_SETTINGS];

/** Makes a column for each other setting in which cells of the same label differ. */
function variantColumns(results: readonly CellResult[]): Column[] {
  const labels = new Set(results.map(({ label }) => label));
  const keys = new Set([...labels].flatMap((label) => differing(results, label)));
  const options = new Set(results.flatMap((result) => Object.keys(optionsOf(result))));
  return [...keys]
    .filter((key) => !COLUMNED.includes(key) && !options.has(key))
    .map((key) => ({ title: key, show: (result) => ownValue(variantOf(result), key) ?? "" }));
}

function columnsFor(results: readonly CellResult[]): Column[] {
  const varies = (key: "topP" | "seed" | "samples"): boolean =>
    new Set(results.map((result) => result[key])).size > 1;
  const settingVaries = (key: "temperature" | "topK"): boolean =>
    new Set(results.map(({ settings }) => settings[key])).size > 1;
  const when = (condition: boolean, column: Column): Column[] => (condition ? [column] : []);
  const varying = ({ show }: Pick<Column, "show">): boolean => new Set(results.map(show)).size > 1;
  return [
    { title: "model", isText: true, show: ({ model }) => model },
    { title: "strategy", isText: true, show: ({ label }) => label },
    { title: "steps", show: ({ steps }) => String(steps ?? "") },
    ...shownOptions(results).filter(varying),
    ...when(varies("topP"), { title: "top-p", show: ({ topP }) => String(topP ?? "none") }),
    ...when(settingVaries("temperature"), {
      title: "temperature",
      show: ({ settings }) => numberOr(settings.temperature, "1"),
    }),
    ...when(settingVaries("topK"), {
      title: "top-k",
      show: ({ settings }) => numberOr(settings.topK, "all"),
    }),
    ...TOKEN_SETTINGS.map((title) => ({
      title,
      show: ({ settings }: CellResult) => written(settings[title]),
    })).filter(varying),
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

/** Makes the paper's column; it is empty where another judge's number does not compare. */
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
