/**
 * `npm run strategies` writes the README's table of strategies, made from their definitions; with `--check`,
 * `node scripts/strategyTable.mjs` fails where the table there is another.
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
const PAGE = fileURLToPath(new URL("README.md", ROOT));
const PLACE = /(<!-- strategies: .* -->\n)[^]*(<!-- \/strategies -->)/;
const HEAD = ["name", "what it does", "options: range (default)", "models", "source"];

/**
 * @param {Strategies} strategies
 * @returns {{ written: string, made: string }} README.md as it is, and with the table made again
 */
export function readme(strategies) {
  const written = readFileSync(PAGE, "utf8");
  if (!PLACE.test(written)) throw new Error(`${PAGE} has no place for the table of strategies.`);
  const table = tableOf(strategies);
  return { written, made: written.replace(PLACE, (_, before, after) => before + table + after) };
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
    return [`\`${kind}\``, summary, listed(options), models.join(", "), source];
  });
  const lines = [HEAD, HEAD.map(() => "---"), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
  );
  return `${lines.join("\n")}\n`;
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
  const { written, made } = readme(/** @type {Strategies} */ (await import(built.href)));
  if (!process.argv.includes("--check")) {
    writeFileSync(PAGE, made);
  } else if (made !== written) {
    console.error("README.md has another table of strategies than their definitions give.");
    process.exitCode = 1;
  }
}
