/**
 * Checks a definition before strategies are made of it: it may come from JavaScript, or from a
 * module that a path names. A key that nothing reads is refused, so that a misspelt one is not
 * ignored in silence.
 */
import {
  checkBoolean,
  checkChoice,
  checkFunction,
  checkKeys,
  checkText,
  isRecord,
} from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { ModelKind } from "./denoiser.ts";
import {
  contains,
  isInterval,
  parseOptions,
  type AnyOptions,
  type OptionTable,
} from "./optionTable.ts";
import { DRAWN_FIELDS, STATISTICS } from "./rowFields.ts";

const SHARED = [...["kind", "source", "summary", "models", "options"], ...["nucleus", "windows"]];
const OF_GRIDS = ["times", "lastStep", "parity"];
const OF_ROWS = [
  ...["statistics", "revealed", "untimed", "steps", "stepsAfter"],
  ...["memory", "remaskFirst", "judgesRevealed", "ranksSuppressed"],
];
/** What a definition does and its keys, by the function that says its shape. */
const SHAPES = {
  transition: {
    does: "draws first",
    keys: [...SHARED, ...OF_GRIDS, "transition", "confidence"],
  },
  nextEvent: { does: "goes event by event", keys: [...SHARED, "nextEvent"] },
  select: { does: "asks first", keys: [...SHARED, ...OF_GRIDS, ...OF_ROWS, "select"] },
} as const;
const FUNCTIONS = ["transition", "nextEvent", "select"] as const;

/** Models that go from left to right have one strategy, which is built in. */
const MODELS: readonly Exclude<ModelKind, "ar">[] = ["mdlm", "sedd", "d3pm"];

const NAME = /^[A-Za-z0-9_][\w.-]*$/;

/** @throws OptionError that names what is wrong: `definition.options.eta.range`. */
export function checkDefinition(definition: unknown): void {
  if (!isRecord(definition)) {
    throw new OptionError("definition", definition, "an object with a kind");
  }
  const { kind, source, summary, options = {} } = definition;
  if (typeof kind !== "string" || !NAME.test(kind)) {
    throw new OptionError("definition.kind", kind, "a name of letters, digits, dots, - and _");
  }
  checkText("definition.source", source, "a text");
  checkText("definition.summary", summary, "a text");
  const shapes = FUNCTIONS.filter((name) => typeof definition[name] === "function");
  if (shapes.length !== 1) {
    const allowed =
      "a function, and the only one of transition (draw first), nextEvent (event by event), select (ask first)";
    throw new OptionError("definition.transition", definition.transition, allowed);
  }
  const [shape] = shapes;
  const { does, keys } = SHAPES[shape];
  checkKeys("definition.", `a definition that ${does}`, definition, keys);
  checkNames("definition.models", definition.models ?? ["mdlm"], MODELS);
  if (shape === "select") checkAskFirst(definition);
  for (const name of ["nucleus", "windows", "untimed", "judgesRevealed", "ranksSuppressed"]) {
    if (definition[name] !== undefined) checkBoolean(`definition.${name}`, definition[name]);
  }
  for (const name of ["times", "confidence", "steps", "stepsAfter", "memory", "remaskFirst"]) {
    checkFunction(`definition.${name}`, definition[name]);
  }
  checkChoice("definition.lastStep", definition.lastStep, ["argmax", "draw"]);
  checkTable("definition.options", kind, options, [
    "number",
    "integer",
    "flag",
    "choice",
    "integers",
    "variant",
  ]);
}

function checkAskFirst({
  statistics,
  revealed,
  untimed,
  times,
  steps,
  stepsAfter,
  remaskFirst,
}: Readonly<Record<string, unknown>>): void {
  if (typeof statistics !== "function") {
    checkFields("definition.statistics", statistics);
  }
  if (typeof revealed !== "function") {
    const known = [undefined, false, true, "state"];
    if (!known.includes(revealed as boolean)) {
      throw new OptionError("definition.revealed", revealed, 'true, false or "state"');
    }
  }
  if (untimed === true && (times !== undefined || steps !== undefined)) {
    const both = times === undefined ? "steps" : "times";
    const allowed = "undefined: an untimed strategy takes as many steps as its rows need";
    throw new OptionError(`definition.${both}`, times ?? steps, allowed);
  }
  if (stepsAfter !== undefined && untimed !== true) {
    throw new OptionError("definition.untimed", untimed, "true, because stepsAfter is set");
  }
  if (stepsAfter !== undefined && (revealed === undefined || revealed === false)) {
    const allowed = 'true or "state", because stepsAfter allows steps without masks';
    throw new OptionError("definition.revealed", revealed, allowed);
  }
  if (remaskFirst !== undefined && (revealed === undefined || revealed === false)) {
    const allowed = 'true or "state", because remaskFirst is told of revealed positions';
    throw new OptionError("definition.revealed", revealed, allowed);
  }
}

/** Checks the numbers of a row that a strategy reads. */
function checkFields(at: string, fields: unknown): void {
  const known = [...STATISTICS, ...DRAWN_FIELDS];
  if (Array.isArray(fields) && fields.length === 0) return;
  checkNames(at, fields, known);
}

/** Checks a list of known names, one at least and each once. */
function checkNames(at: string, value: unknown, known: readonly string[]): void {
  const isList =
    Array.isArray(value) &&
    value.length > 0 &&
    new Set(value).size === value.length &&
    value.every((one) => known.includes(one as string));
  if (isList) return;
  throw new OptionError(at, value, `a list of different names among ${known.join(", ")}`);
}

/** @param types that options of this table may have. */
function checkTable(at: string, owner: string, table: unknown, types: readonly string[]): void {
  if (!isRecord(table)) throw new OptionError(at, table, "an option table");
  for (const [name, option] of Object.entries(table))
    checkOption(`${at}.${name}`, name, option, types);
  // The defaults have to suit each other too, where one narrows the range of another.
  parseOptions(`${at}.`, owner, table as OptionTable, {});
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  number: ["default", "range", "shown", "narrow", "unit", "setting"],
  integer: ["default", "range", "shown", "narrow", "unit", "setting"],
  flag: ["default"],
  choice: ["choices", "default"],
  integers: ["range"],
  variant: ["variants"],
};

function checkOption(at: string, name: string, option: unknown, types: readonly string[]): void {
  if (!/^[A-Za-z]/.test(name) || !NAME.test(name)) {
    throw new OptionError(at, option, "under a name of letters, digits, dots, - and _");
  }
  if (name === "kind") throw new OptionError(at, option, "undefined (kind is the strategy's name)");
  const type = isRecord(option) ? option.type : undefined;
  if (!isRecord(option) || typeof type !== "string" || !types.includes(type)) {
    throw new OptionError(at, option, `an object whose type is one of ${types.join(", ")}`);
  }
  checkKeys(`${at}.`, `an option of type ${type}`, option, ["type", "help", ...KEYS[type]]);
  checkText(`${at}.help`, option.help, "a text");
  switch (type) {
    case "flag":
      checkBoolean(`${at}.default`, option.default);
      return;
    case "choice":
      checkChoices(at, option);
      return;
    case "variant":
      checkVariants(at, option.variants);
      return;
    case "integers":
      checkInterval(at, option.range);
      return;
    default:
      checkRange(at, option);
  }
}

function checkRange(at: string, { type, range, narrow, default: value }: AnyOptions): void {
  const interval = checkInterval(at, range);
  checkFunction(`${at}.narrow`, narrow);
  const isWhole = type === "number" || Number.isSafeInteger(value);
  if (typeof value === "number" && contains(interval, value) && isWhole) return;
  const what = type === "number" ? "a number" : "an integer";
  throw new OptionError(`${at}.default`, value, `${what} in ${interval}`);
}

function checkInterval(at: string, range: unknown): string {
  if (typeof range === "string" && isInterval(range)) return range;
  throw new OptionError(`${at}.range`, range, 'an interval such as "[0, 1]"');
}

function checkChoices(at: string, { choices, default: value }: AnyOptions): void {
  const isList = Array.isArray(choices) && choices.every((one) => typeof one === "string");
  if (!isList || choices.length === 0 || new Set(choices).size < choices.length) {
    throw new OptionError(`${at}.choices`, choices, "a list of different texts, one at least");
  }
  if (value === undefined || choices.includes(value as string)) return;
  throw new OptionError(`${at}.default`, value, `one of ${choices.join(", ")}`);
}

function checkVariants(at: string, variants: unknown): void {
  if (!isRecord(variants) || Object.keys(variants).length === 0) {
    throw new OptionError(
      `${at}.variants`,
      variants,
      "an object with an option table for each kind",
    );
  }
  for (const [kind, table] of Object.entries(variants)) {
    checkTable(`${at}.variants.${kind}`, kind, table, ["number", "integer", "flag", "choice"]);
  }
}
