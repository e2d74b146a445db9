/**
 * The strategies as the command line names them: the original repository's names, and the paper's family
 * (section 4) written with plus signs: `remdm-cap+conf+loop`.
 */
import type { RemdmStrategy, Strategy } from "../sampler/strategy.ts";
import { UsageError } from "./usage.ts";

/** The flags that belong to a strategy, as commander hands them over. */
export interface StrategyFlags {
  readonly eta?: number;
  readonly etaCap?: number;
  readonly etaRescale?: number;
  readonly tOn?: number;
  readonly tOff?: number;
  readonly alphaOn?: number;
  readonly tSwitch?: number;
}

type Flag = keyof StrategyFlags;

const FLAG_NAMES: Readonly<Record<Flag, string>> = {
  eta: "--eta",
  etaCap: "--eta-cap",
  etaRescale: "--eta-rescale",
  tOn: "--t-on",
  tOff: "--t-off",
  alphaOn: "--alpha-on",
  tSwitch: "--t-switch",
};

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

export const STRATEGY_HELP =
  "mdlm, forward-backward, dfm, remdm-cap, remdm-rescale, remdm-conf, remdm-loop, remdm-max, or a combination: remdm-cap+conf+loop, remdm-max+switch, ...; ddpm, analytic (sedd models too), ar (ar models)";

/**
 * @returns the strategy with every option filled in.
 * @throws UsageError for a name that is none, or a flag that this strategy does not use.
 */
export function strategyOf(name: string, flags: StrategyFlags): Strategy {
  switch (name) {
    case "mdlm":
    case "ddpm":
    case "analytic":
    case "ar":
    case "forward-backward":
    case "dfm":
    case "remdm-conf":
      refuseUnused(name, flags, []);
      return { kind: name };
    case "remdm-cap":
      refuseUnused(name, flags, ["eta", "etaCap"]);
      return { kind: name, eta: one(flags, "eta", "etaCap") ?? DEFAULTS.etaCap };
    case "remdm-rescale":
      refuseUnused(name, flags, ["eta", "etaRescale"]);
      return { kind: name, eta: one(flags, "eta", "etaRescale") ?? DEFAULTS.etaRescale };
    case "remdm-loop":
      refuseUnused(name, flags, ["eta", "tOn", "tOff", "alphaOn"]);
      return { kind: name, eta: flags.eta ?? DEFAULTS.etaLoop, ...plateau(flags) };
    default:
      return combination(name, flags);
  }
}

function combination(name: string, flags: StrategyFlags): RemdmStrategy {
  const parts = componentsOf(name);
  const has = (part: Component): boolean => parts.has(part);
  refuseContradictions(name, parts);
  refuseUnused(name, flags, flagsOf(parts));

  const etaCap = has("rescale") ? flags.etaCap : one(flags, "eta", "etaCap");
  const etaRescale = has("cap") ? flags.etaRescale : one(flags, "eta", "etaRescale");
  return {
    kind: "remdm",
    ...(has("cap") && { cap: etaCap ?? DEFAULTS.etaCap }),
    ...(has("rescale") && { rescale: etaRescale ?? DEFAULTS.etaRescale }),
    ...(has("conf") && { confidence: true }),
    ...(has("switch") && {
      window: { kind: "switch", tSwitch: flags.tSwitch ?? DEFAULTS.tSwitch },
    }),
    ...(has("loop") && { window: { kind: "loop", ...plateau(flags) } }),
  };
}

function componentsOf(name: string): Set<Component> {
  const [prefix, rest] = [name.slice(0, "remdm-".length), name.slice("remdm-".length)];
  const parts = rest.split("+");
  const isComponent = (part: string): part is Component =>
    (COMPONENTS as readonly string[]).includes(part);
  const known = parts.filter(isComponent);
  const distinct = new Set(known);
  if (prefix !== "remdm-" || known.length !== parts.length || distinct.size !== parts.length) {
    throw new UsageError(
      `There is no strategy ${JSON.stringify(name)}`,
      `Use ${STRATEGY_HELP} (after remdm- come max, cap, rescale and conf, then switch or loop).`,
    );
  }
  return distinct;
}

function refuseContradictions(name: string, parts: ReadonlySet<Component>): void {
  const bases = ["max", "cap", "rescale", "conf"] as const;
  const wrong =
    parts.has("max") && parts.has("cap")
      ? ["max and cap: max is to have no cap", "Leave one of them out"]
      : parts.has("switch") && parts.has("loop")
        ? ["switch and loop: remasking acts in one window", "Leave one of them out"]
        : bases.every((base) => !parts.has(base))
          ? ["a window and nothing that remasks in it", `Write remdm-max+${[...parts].join("+")}`]
          : undefined;
  if (wrong === undefined) return;
  const [what, remedy] = wrong;
  throw new UsageError(`The strategy ${name} names ${what}`, `${remedy}.`);
}

function flagsOf(parts: ReadonlySet<Component>): Flag[] {
  const both = parts.has("cap") && parts.has("rescale");
  const used: Flag[] = [];
  if (!both && (parts.has("cap") || parts.has("rescale"))) used.push("eta");
  if (parts.has("cap")) used.push("etaCap");
  if (parts.has("rescale")) used.push("etaRescale");
  if (parts.has("loop")) used.push("tOn", "tOff", "alphaOn");
  if (parts.has("switch")) used.push("tSwitch");
  return used;
}

function refuseUnused(name: string, flags: StrategyFlags, used: readonly Flag[]): void {
  const all = Object.keys(FLAG_NAMES) as Flag[];
  const unused = all.find((flag) => flags[flag] !== undefined && !used.includes(flag));
  if (unused === undefined) return;
  const listed = used.map((flag) => FLAG_NAMES[flag]).join(", ");
  throw new UsageError(
    `${FLAG_NAMES[unused]} is not an option of the strategy ${name}`,
    used.length === 0 ? "Leave it out: this strategy has none." : `Its options are ${listed}.`,
  );
}

/** The value of two names for one thing. */
function one(flags: StrategyFlags, short: Flag, long: Flag): number | undefined {
  const [a, b] = [flags[short], flags[long]];
  if (a === undefined || b === undefined) return a ?? b;
  throw new UsageError(
    `${FLAG_NAMES[short]} and ${FLAG_NAMES[long]} say the same thing`,
    "Leave one of them out.",
  );
}

function plateau(flags: StrategyFlags): { tOn: number; tOff: number; alphaOn: number } {
  const { tOn = DEFAULTS.tOn, tOff = DEFAULTS.tOff, alphaOn = DEFAULTS.alphaOn } = flags;
  return { tOn, tOff, alphaOn };
}

/** How the command line calls an option that the library complains about. */
export function flagFor(option: string, flags: StrategyFlags): string {
  const name = option.split(".").at(-1) ?? option;
  if (name === "cap") return flags.etaCap === undefined ? "--eta" : "--eta-cap";
  if (name === "rescale") return flags.etaRescale === undefined ? "--eta" : "--eta-rescale";
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
