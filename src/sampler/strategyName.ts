/**
 * The strategies by name: the original repository's names, and the paper's family (section 4) written with plus
 * signs: `remdm-cap+conf+loop`. Programs, the command line and experiment files name them alike.
 */
import { quoted } from "../foundation/messages.ts";
import { nearest } from "../foundation/nearest.ts";
import type { RemdmStrategy, Strategy } from "./strategy.ts";

/** What a name leaves open. */
export interface StrategySettings {
  readonly eta?: number;
  readonly etaCap?: number;
  readonly etaRescale?: number;
  readonly tOn?: number;
  readonly tOff?: number;
  readonly alphaOn?: number;
  readonly tSwitch?: number;
}

export type StrategySetting = keyof StrategySettings;

export const STRATEGY_SETTINGS: readonly StrategySetting[] = [
  "eta",
  "etaCap",
  "etaRescale",
  "tOn",
  "tOff",
  "alphaOn",
  "tSwitch",
];

/** How whoever reads the names speaks to the person who wrote them. */
export interface Speaker {
  /** What a setting is called there. */
  readonly nameOf: (setting: StrategySetting) => string;
  /** @returns the error to throw. */
  readonly refusal: (message: string, remedy: string) => Error;
}

/** The library's defaults, said here too so that help and results can name them; a test compares. */
export const DEFAULTS = {
  etaCap: 0.008,
  etaRescale: 0.015,
  etaLoop: 0.02,
  tOn: 0.55,
  tOff: 0.05,
  alphaOn: 0.9,
  tSwitch: 0.55,
} as const;

const COMPONENTS = ["max", "cap", "rescale", "conf", "switch", "loop"] as const;
type Component = (typeof COMPONENTS)[number];
const PREFIX = "remdm-";

/** The original's script and the tables of the paper's readers call it so. */
const SHORT_NAMES: Readonly<Record<string, string>> = { fb: "forward-backward" };

/** Those without a plus sign. */
const NAMES: readonly string[] = [
  "mdlm",
  "ddpm",
  "analytic",
  "ar",
  ...Object.entries(SHORT_NAMES).flat(),
  "dfm",
  "remdm-cap",
  "remdm-rescale",
  "remdm-conf",
  "remdm-loop",
  "remdm-max",
];

export const STRATEGY_HELP =
  "mdlm, forward-backward (or fb), dfm, remdm-cap, remdm-rescale, remdm-conf, remdm-loop, remdm-max, or a combination: remdm-cap+conf+loop, remdm-max+switch, ...; ddpm, analytic (sedd models too), ar (ar models)";

/**
 * @returns the strategy with every option filled in.
 * @throws what `speaker` makes of it, for a name that is none or a setting that this strategy does not use.
 */
export function strategyNamed(
  name: string,
  settings: StrategySettings,
  speaker: Speaker,
): Strategy {
  const full = Object.hasOwn(SHORT_NAMES, name) ? SHORT_NAMES[name] : name;
  switch (full) {
    case "mdlm":
    case "ddpm":
    case "analytic":
    case "ar":
    case "forward-backward":
    case "dfm":
    case "remdm-conf":
      refuseUnused(full, settings, speaker, []);
      return { kind: full };
    case "remdm-cap":
      refuseUnused(full, settings, speaker, ["eta", "etaCap"]);
      return { kind: full, eta: one(settings, speaker, "eta", "etaCap") ?? DEFAULTS.etaCap };
    case "remdm-rescale":
      refuseUnused(full, settings, speaker, ["eta", "etaRescale"]);
      return {
        kind: full,
        eta: one(settings, speaker, "eta", "etaRescale") ?? DEFAULTS.etaRescale,
      };
    case "remdm-loop":
      refuseUnused(full, settings, speaker, ["eta", "tOn", "tOff", "alphaOn"]);
      return { kind: full, eta: settings.eta ?? DEFAULTS.etaLoop, ...plateau(settings) };
    default:
      return combination(full, settings, speaker);
  }
}

function combination(name: string, settings: StrategySettings, speaker: Speaker): RemdmStrategy {
  const parts = componentsOf(name, speaker);
  const has = (part: Component): boolean => parts.has(part);
  refuseContradictions(name, parts, speaker);
  refuseUnused(name, settings, speaker, settingsOf(parts));

  const etaCap = has("rescale") ? settings.etaCap : one(settings, speaker, "eta", "etaCap");
  const etaRescale = has("cap") ? settings.etaRescale : one(settings, speaker, "eta", "etaRescale");
  return {
    kind: "remdm",
    ...(has("cap") && { cap: etaCap ?? DEFAULTS.etaCap }),
    ...(has("rescale") && { rescale: etaRescale ?? DEFAULTS.etaRescale }),
    ...(has("conf") && { confidence: true }),
    ...(has("switch") && {
      window: { kind: "switch", tSwitch: settings.tSwitch ?? DEFAULTS.tSwitch },
    }),
    ...(has("loop") && { window: { kind: "loop", ...plateau(settings) } }),
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

/** @returns undefined for what is no combination. */
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

/** `remdm-lop`, `ReMDM-Loop`, `loop` and `cap+lop` are nearly names. */
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

/** @returns what is wrong, and what to do. */
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

function settingsOf(parts: ReadonlySet<Component>): StrategySetting[] {
  const both = parts.has("cap") && parts.has("rescale");
  const used: StrategySetting[] = [];
  if (!both && (parts.has("cap") || parts.has("rescale"))) used.push("eta");
  if (parts.has("cap")) used.push("etaCap");
  if (parts.has("rescale")) used.push("etaRescale");
  if (parts.has("loop")) used.push("tOn", "tOff", "alphaOn");
  if (parts.has("switch")) used.push("tSwitch");
  return used;
}

function refuseUnused(
  name: string,
  settings: StrategySettings,
  { nameOf, refusal }: Speaker,
  used: readonly StrategySetting[],
): void {
  const unused = STRATEGY_SETTINGS.find(
    (one) => settings[one] !== undefined && !used.includes(one),
  );
  if (unused === undefined) return;
  const listed = used.map(nameOf).join(", ");
  throw refusal(
    `${nameOf(unused)} is not an option of the strategy ${name}`,
    used.length === 0 ? "Leave it out: this strategy has none." : `Its options are ${listed}.`,
  );
}

/** The value of two names for one thing. */
function one(
  settings: StrategySettings,
  { nameOf, refusal }: Speaker,
  short: StrategySetting,
  long: StrategySetting,
): number | undefined {
  const [a, b] = [settings[short], settings[long]];
  if (a === undefined || b === undefined) return a ?? b;
  throw refusal(
    `${nameOf(short)} and ${nameOf(long)} say the same thing`,
    "Leave one of them out.",
  );
}

function plateau(settings: StrategySettings): { tOn: number; tOff: number; alphaOn: number } {
  const { tOn = DEFAULTS.tOn, tOff = DEFAULTS.tOff, alphaOn = DEFAULTS.alphaOn } = settings;
  return { tOn, tOff, alphaOn };
}
