/** Lists the built-in strategies. Adding one takes its file and a line here. */
import type { StrategyDefinition, StrategyData, StrategyMaker } from "../definition.ts";
import type { ModelKind } from "../denoiser.ts";
import { confidence } from "./confidence.ts";
import { editing } from "./editing.ts";
import { entropy } from "./entropy.ts";
import { entropyBounded } from "./entropyBounded.ts";
import { factor } from "./factor.ts";
import { margin } from "./margin.ts";
import { p2 } from "./p2.ts";
import { random } from "./random.ts";
import { rcr } from "./rcr.ts";
import { remdmLlada } from "./remdmLlada.ts";
import { threshold } from "./threshold.ts";
import { analytic, analyticScores } from "./analytic.ts";
import { ar } from "./ar.ts";
import { ddpm } from "./ddpm.ts";
import { dfm } from "./dfm.ts";
import { firstHitting } from "./firstHitting.ts";
import { forwardBackward } from "./forwardBackward.ts";
import { mdlm } from "./mdlm.ts";
import { psi } from "./psi.ts";
import { remdm } from "./remdm.ts";
import { remdmCap } from "./remdmCap.ts";
import { remdmConf } from "./remdmConf.ts";
import { remdmLoop } from "./remdmLoop.ts";
import { remdmRescale } from "./remdmRescale.ts";

const MAKERS = [
  mdlm,
  ddpm,
  analytic,
  analyticScores,
  ar,
  forwardBackward,
  dfm,
  remdmCap,
  remdmRescale,
  remdmConf,
  remdmLoop,
  remdm,
  psi,
  firstHitting,
  confidence,
  margin,
  entropy,
  random,
  threshold,
  factor,
  entropyBounded,
  p2,
  rcr,
  remdmLlada,
  editing,
] as const;

type DataOf<Maker> =
  Maker extends StrategyMaker<infer Kind, infer Table> ? StrategyData<Kind, Table> : never;

/** A built-in strategy as data: its kind, and its options, which may all be left out. */
export type BuiltInStrategy = DataOf<(typeof MAKERS)[number]>;

type SettingOf<Name, Option> = Option extends { readonly type: "number" | "integer" }
  ? Option extends { readonly setting: infer Setting extends string }
    ? Setting
    : Name
  : Option extends { readonly variants: infer Variants }
    ? { [Variant in keyof Variants]: keyof Variants[Variant] }[keyof Variants]
    : never;

type SettingsOf<Maker> =
  Maker extends StrategyMaker<string, infer Table>
    ? { [Name in keyof Table]: SettingOf<Name, Table[Name]> }[keyof Table]
    : never;

/**
 * The numeric options of all built-in strategies, under the names that flags and experiment files
 * have.
 */
export type StrategySetting = Extract<SettingsOf<(typeof MAKERS)[number]>, string>;

export const BUILT_IN: readonly StrategyDefinition[] = MAKERS.map(({ definition }) => definition);

/** The kinds of the built-in strategies, each once, in the order of {@link BUILT_IN}. */
export const KINDS: readonly string[] = [...new Set(BUILT_IN.map(({ kind }) => kind))];

/** The strategy that samples a model of each kind by default. */
export const DEFAULT_STRATEGIES: Readonly<Record<ModelKind, StrategyDefinition>> = {
  mdlm: remdmLoop.definition,
  sedd: analyticScores.definition,
  d3pm: ddpm.definition,
  ar: ar.definition,
};

/** Returns the kinds of models that a strategy serves. */
export function modelsOf({ models = ["mdlm"] }: StrategyDefinition): readonly ModelKind[] {
  return models;
}
