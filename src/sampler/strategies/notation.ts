/**
 * Reads strategies by name: the kinds of the built-in ones, and the paper's family (ReMDM, section
 * 4) written with plus signs, `remdm-cap+conf+loop`. Programs, the command line and experiment
 * files use the same names. Options and defaults come from the option tables of the definitions.
 */
import { quoted } from "../../foundation/messages.ts";
import { nearest } from "../../foundation/nearest.ts";
import type { StrategyDefinition } from "../definition.ts";
import type { NumberOption, OptionTable } from "../optionTable.ts";
import { BUILT_IN, modelsOf, type StrategySetting } from "./builtIn.ts";
import { remdm } from "./remdm.ts";
import { remdmCap } from "./remdmCap.ts";
import { remdmRescale } from "./remdmRescale.ts";
import { LOOP_OPTIONS, SWITCH_OPTIONS } from "./window.ts";

export type { StrategySetting };

/** Settings that a name leaves open; their ranges are checked when a run is prepared. */
export type StrategySettings = Readonly<Partial<Record<StrategySetting, number>>>;

/** Words messages for the person that wrote the name: flags on the command line, keys in a file. */
export interface Speaker {
  /** Returns what a setting is called there. */
  readonly nameOf: (setting: string) => string;
  /** Says in a sentence how options that are no settings are said there; empty where none is. */
  readonly othersOf: (options: OptionTable) => string;
  /** @returns the error to throw. */
  readonly refusal: (message: string, remedy: string) => Error;
}

/** The strategy of a name, as data. */
export type NamedStrategy = Readonly<Record<string, unknown>> & { readonly kind: string };

/** Short names, as the original's script and its readers' tables have them. */
const SHORT_NAMES: Readonly<Record<string, string>> = { fb: "forward-backward" };

const PREFIX = "remdm-";
const COMPONENTS = ["max", "cap", "rescale", "conf", "switch", "loop"] as const;
type Component = (typeof COMPONENTS)[number];

/**
 * `cap` and `rescale` in a combination: each is an option of the family, with the default of a
 * named strategy.
 */
const BOUNDS: Readonly<Record<"cap" | "rescale", StrategyDefinition>> = {
  cap: remdmCap.definition,
  rescale: remdmRescale.definition,
};
const WINDOWS: Readonly<Record<"switch" | "loop", OptionTable>> = {
  switch: SWITCH_OPTIONS,
  loop: LOOP_OPTIONS,
};

/** The family itself has no name: a name with plus signs says a point of it. */
const NAMED = BUILT_IN.filter((one) => one !== remdm.definition);

/** The names without a plus sign. */
const NAMES: readonly string[] = [
  ...new Set(NAMED.map(({ kind }) => kind)),
  ...Object.keys(SHORT_NAMES),
  "remdm-max",
];

export const STRATEGY_HELP = helpOfNames();

/** An option of a strategy under the name that flags and experiment files have for it. */
export interface SettingUse {
  readonly setting: string;
  /** Its name in the option table. */
  readonly name: string;
  /** The owner as names write it: `remdm-loop`, or a component: `cap`, `loop`. */
  readonly owner: string;
  readonly option: NumberOption;
}

/** Every numeric option of every built-in strategy, in the order of the tables. */
export const SETTING_USES: readonly SettingUse[] = [
  ...NAMED.flatMap(({ kind, options }) => usesIn(kind, options)),
  ...(["cap", "rescale"] as const).flatMap(usesOfBound),
  ...Object.entries(WINDOWS).flatMap(([owner, table]) => usesIn(owner, table)),
];

/** The names of {@link SETTING_USES}, each once. */
export const STRATEGY_SETTINGS = [
  ...new Set(SETTING_USES.map(({ setting }) => setting)),
] as readonly StrategySetting[];

/** Lists the options of a table that are numbers, and so have a flag. */
export function usesIn(owner: string, table: OptionTable = {}): SettingUse[] {
  return Object.entries(table).flatMap(([name, option]) =>
    option.type === "number" || option.type === "integer"
      ? [{ setting: option.setting ?? name, name, owner, option }]
      : [],
  );
}

/** Leaves out the options that {@link usesIn} lists: what stays has no flag. */
export function withoutNumbers(table: OptionTable): OptionTable {
  const numbers = new Set(usesIn("", table).map(({ name }) => name));
  return Object.fromEntries(Object.entries(table).filter(([name]) => !numbers.has(name)));
}

/** In a combination, `cap` has the default of `remdm-cap`. */
function usesOfBound(component: "cap" | "rescale"): SettingUse[] {
  const setting = settingOfBound(component);
  return usesIn(component, BOUNDS[component].options).map((use) => ({ ...use, setting }));
}

/** `cap` is `etaCap` beside `rescale`. */
function settingOfBound(component: string): string {
  const [use] = usesIn(component, remdm.definition.options).filter(
    ({ name }) => name === component,
  );
  return use.setting;
}

/**
 * Returns the strategy of a name as data, with all options that its name leaves open filled in.
 * @throws the speaker's refusal of an unknown name, or of a setting that this strategy does not
 *   use.
 */
export function strategyNamed(
  name: string,
  settings: StrategySettings,
  speaker: Speaker,
): NamedStrategy {
  const full = Object.hasOwn(SHORT_NAMES, name) ? SHORT_NAMES[name] : name;
  const definition = NAMED.find(({ kind }) => kind === full);
  if (definition === undefined) return combination(full, settings, speaker);
  const { kind, options = {} } = definition;
  // `--eta` and `--eta-cap` both say eta of remdm-cap.
  const bound = Object.entries(BOUNDS).find(([, named]) => named === definition);
  const long = bound === undefined ? undefined : settingOfBound(bound[0]);
  const used = usesIn("", options).map(({ setting }) => setting);
  const others = withoutNumbers(options);
  refuseUnused(kind, settings, speaker, [...used, ...(long === undefined ? [] : [long])], others);
  const said =
    long === undefined ? settings : { ...settings, eta: one(settings, speaker, "eta", long) };
  return { kind, ...filledIn(options, said) };
}

/** Takes the numbers of a table from the settings and the defaults. */
function filledIn(
  table: OptionTable,
  settings: Readonly<Record<string, number | undefined>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    usesIn("", table).map(({ setting, name, option }) => [
      name,
      settings[setting] ?? option.default,
    ]),
  );
}

function combination(name: string, settings: StrategySettings, speaker: Speaker): NamedStrategy {
  const parts = componentsOf(name, speaker);
  const has = (part: Component): boolean => parts.has(part);
  refuseContradictions(name, parts, speaker);
  refuseUnused(name, settings, speaker, settingsOf(parts));
  const both = has("cap") && has("rescale");
  const bound = (component: "cap" | "rescale") => {
    const setting = settingOfBound(component);
    const said = both ? read(settings, setting) : one(settings, speaker, "eta", setting);
    return { [component]: said ?? filledIn(BOUNDS[component].options ?? {}, {}).eta };
  };
  const window = (["switch", "loop"] as const).find(has);
  return {
    kind: remdm.definition.kind,
    ...(has("cap") && bound("cap")),
    ...(has("rescale") && bound("rescale")),
    ...(has("conf") && { confidence: true }),
    ...(window !== undefined && {
      window: { kind: window, ...filledIn(WINDOWS[window], settings) },
    }),
  };
}

function componentsOf(name: string, speaker: Speaker): ReadonlySet<Component> {
  const parts = knownComponents(name);
  if (parts !== undefined) return parts;
  const meant = suggested(name);
  throw speaker.refusal(
    `There is no strategy ${quoted(name)}`,
    `${meant === undefined ? "" : `Did you mean ${meant}? `}Use ${STRATEGY_HELP} (after remdm- come max, cap, rescale and conf, then switch or loop).`,
  );
}

/** Splits the name of a combination into components. @returns undefined for other names. */
function knownComponents(name: string): ReadonlySet<Component> | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const parts = name.slice(PREFIX.length).split("+");
  const known = parts.filter(isComponent);
  const distinct = new Set(known);
  return known.length === parts.length && distinct.size === parts.length ? distinct : undefined;
}

function isComponent(part: string): part is Component {
  return (COMPONENTS as readonly string[]).includes(part);
}

/** Suggests a name for one that is nearly right: `remdm-lop`, `ReMDM-Loop`, `loop`, `cap+lop`. */
function suggested(name: string): string | undefined {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, "-");
  const parts = plain.replace(/^remdm[-+]?/, "").split("+");
  const combined = (part: (part: string) => string): string => PREFIX + parts.map(part).join("+");
  const written = [plain, combined((part) => part)];
  const mended =
    parts.length === 1
      ? nearest(plain, NAMES)
      : combined((part) => nearest(part, COMPONENTS) ?? part);
  return [...written, mended].find((one) => one !== undefined && isName(one));
}

function isName(name: string): boolean {
  if (NAMES.includes(name)) return true;
  const parts = knownComponents(name);
  return parts !== undefined && contradiction(parts) === undefined;
}

function refuseContradictions(name: string, parts: ReadonlySet<Component>, speaker: Speaker): void {
  const wrong = contradiction(parts);
  if (wrong === undefined) return;
  const [what, remedy] = wrong;
  throw speaker.refusal(`The strategy ${name} names ${what}`, `${remedy}.`);
}

/** Finds components that exclude each other. @returns what is wrong, and what to do. */
function contradiction(parts: ReadonlySet<Component>): readonly [string, string] | undefined {
  const bases = ["max", "cap", "rescale", "conf"] as const;
  if (parts.has("max") && parts.has("cap")) {
    return ["max and cap: max is to have no cap", "Leave one of them out"];
  }
  if (parts.has("switch") && parts.has("loop")) {
    return ["switch and loop: remasking acts in one window", "Leave one of them out"];
  }
  if (bases.some((base) => parts.has(base)) || parts.size === 0) return undefined;
  return ["a window and nothing that remasks in it", `Write remdm-max+${[...parts].join("+")}`];
}

function settingsOf(parts: ReadonlySet<Component>): string[] {
  const bounds = (["cap", "rescale"] as const).filter((part) => parts.has(part));
  const window = (["loop", "switch"] as const).filter((part) => parts.has(part));
  return [
    ...(bounds.length === 1 ? ["eta"] : []),
    ...bounds.map(settingOfBound),
    ...window.flatMap((part) => Object.keys(WINDOWS[part])),
  ];
}

function refuseUnused(
  name: string,
  settings: StrategySettings,
  { nameOf, othersOf, refusal }: Speaker,
  used: readonly string[],
  others: OptionTable = {},
): void {
  const unused = STRATEGY_SETTINGS.find(
    (one) => settings[one] !== undefined && !used.includes(one),
  );
  if (unused === undefined) return;
  const flags = used.length === 0 ? "" : `Its options are ${used.map(nameOf).join(", ")}.`;
  const listed = [flags, othersOf(others)].filter((one) => one !== "");
  throw refusal(
    `${nameOf(unused)} is not an option of the strategy ${name}`,
    listed.length === 0 ? "Leave it out: this strategy has none." : listed.join(" "),
  );
}

function read(settings: StrategySettings, setting: string): number | undefined {
  return (settings as Readonly<Record<string, number | undefined>>)[setting];
}

/** Reads the value of a setting that has two names. */
function one(
  settings: StrategySettings,
  { nameOf, refusal }: Speaker,
  short: string,
  long: string,
): number | undefined {
  const [a, b] = [read(settings, short), read(settings, long)];
  if (a === undefined || b === undefined) return a ?? b;
  throw refusal(
    `${nameOf(short)} and ${nameOf(long)} say the same thing`,
    "Leave one of them out.",
  );
}

/** Lists the strategies of `mdlm` models first, then the strategies of other kinds of models. */
function helpOfNames(): string {
  const isUsual = (one: StrategyDefinition): boolean =>
    one.nucleus !== false && modelsOf(one).includes("mdlm");
  const usual = NAMED.filter(isUsual).map(({ kind }) => {
    const [alias] = Object.entries(SHORT_NAMES).find(([, full]) => full === kind) ?? [];
    return alias === undefined ? kind : `${kind} (or ${alias})`;
  });
  const others = NAMES.filter((name) => NAMED.some(({ kind }) => kind === name))
    .map((name) => NAMED.filter(({ kind }) => kind === name))
    .filter((same) => !same.some(isUsual))
    .map((same) => {
      const models = same.flatMap(modelsOf);
      const rest = models.filter((model) => model !== "mdlm");
      const too = models.length > rest.length ? " too" : "";
      return `${same[0].kind} (${rest.join(", ")} models${too})`;
    });
  const combinations = "remdm-max, or a combination: remdm-cap+conf+loop, remdm-max+switch, ...";
  return `${usual.join(", ")}, ${combinations}; ${others.join(", ")}`;
}
