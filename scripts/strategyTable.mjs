/**
 * `npm run strategies` writes the README's table of strategies and the table of options in docs/orders.md, made from
 * their definitions; with `--check`, `node scripts/strategyTable.mjs` fails where a table there is another.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @import { StrategyDefinition } from "../src/sampler/definition.ts" */
/** @import { StrategyOption } from "../src/sampler/optionTable.ts" */
/**
 * @typedef {object} Strategies
 * @property {readonly StrategyDefinition[]} BUILT_IN
 * @property {Readonly<Record<string, StrategyDefinition>>} DEFAULT_STRATEGIES by the kind of model
 */

const ROOT = new URL("..", import.meta.url);
/** The tables by their pages. @type {Readonly<Record<string, (strategies: Strategies) => string>>} */
const TABLES = { "README.md": tableOf, "docs/orders.md": ordersTableOf };
const PLACE = /(<!-- strategies: .* -->\n)[^]*(<!-- \/strategies -->)/;
const HEAD = ["name", "what it does", "options: range (default)", "models", "source"];

/**
 * @param {Strategies} strategies
 * @returns {{ page: string, written: string, made: string }[]} each page as it is, and with its table made again
 */
export function pages(strategies) {
  return Object.entries(TABLES).map(([page, make]) => {
    const written = readFileSync(new URL(page, ROOT), "utf8");
    if (!PLACE.test(written)) throw new Error(`${page} has no place for its table of strategies.`);
    const table = make(strategies);
    const made = written.replace(PLACE, (_, before, after) => before + table + after);
    return { page, written, made };
  });
}

/**
 * @param {Strategies} strategies
 * @returns {string} a row for each kind, in Markdown; definitions of one kind share its row
 */
export function tableOf({ BUILT_IN, DEFAULT_STRATEGIES }) {
  const kinds = [...new Set(BUILT_IN.map(({ kind }) => kind))];
  const rows = kinds.map((kind) => {
    const same = BUILT_IN.filter((one) => one.kind === kind);
    const [{ summary, source, options = {} }] = same;
    const models = same.flatMap((one) =>
      (one.models ?? ["mdlm"]).map((model) =>
        DEFAULT_STRATEGIES[model] === one ? `${model} (default)` : model,
      ),
    );
    const cell = "select" in same[0] ? names(options) : listed(options);
    return [`\`${kind}\``, summary, cell, models.join(", "), source];
  });
  return inMarkdown([HEAD, ...rows]);
}

/**
 * @param {Strategies} strategies
 * @returns {string} a row for each option of those that ask first; strategies that share it are named together
 */
export function ordersTableOf({ BUILT_IN }) {
  /** @type {Map<string, string[]>} */
  const owners = new Map();
  for (const definition of BUILT_IN) {
    if (!("select" in definition)) continue;
    for (const [name, option] of Object.entries(definition.options ?? {})) {
      const row = [`\`${name}\``, flagOf(name, option), shown(option), option.help].join("\n");
      owners.set(row, [...(owners.get(row) ?? []), definition.kind]);
    }
  }
  const rows = Array.from(owners, ([row, kinds]) => [...row.split("\n"), kinds.join(", ")]);
  return inMarkdown([["option", "flag", "range (default)", "meaning", "strategies"], ...rows]);
}

/**
 * @param {string} name
 * @param {StrategyOption} option
 */
function flagOf(name, option) {
  if (option.type !== "number" && option.type !== "integer") return "";
  const setting = option.setting ?? name;
  return `\`--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}\``;
}

/** @param {readonly (readonly string[])[]} rows the first is the head */
function inMarkdown([head, ...rows]) {
  const lines = [head, head.map(() => "---"), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
  );
  return `${lines.join("\n")}\n`;
}

/**
 * Strategies that ask first share long lists of options; docs/orders.md has the ranges.
 * @param {Readonly<Record<string, StrategyOption>>} table
 */
function names(table) {
  return Object.keys(table)
    .map((name) => `\`${name}\``)
    .join(", ");
}

/** @param {Readonly<Record<string, StrategyOption>>} table */
function listed(table) {
  return Object.entries(table)
    .map(([name, option]) => `\`${name}\`: ${shown(option)}`)
    .join("; ");
}

/**
 * @param {StrategyOption} option
 * @returns {string}
 */
function shown(option) {
  switch (option.type) {
    case "number":
    case "integer":
      return `${option.shown ?? option.range} (${option.default})`;
    case "flag":
      return `true or false (${option.default})`;
    case "choice":
      return `${option.choices.join(", ")} (${option.default ?? option.choices[0]})`;
    case "integers":
      return `a list of integers in ${option.range}`;
    case "variant": {
      const variants = Object.entries(option.variants);
      return variants.map(([kind, table]) => `\`${kind}\` with ${listed(table)}`).join(", or ");
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = new URL("dist/sampler/strategies/builtIn.js", ROOT);
  for (const { page, written, made } of pages(
    /** @type {Strategies} */ (await import(built.href)),
  )) {
    if (!process.argv.includes("--check")) {
      writeFileSync(new URL(page, ROOT), made);
    } else if (made !== written) {
      console.error(`${page} has another table of strategies than their definitions give.`);
      process.exitCode = 1;
    }
  }
}
