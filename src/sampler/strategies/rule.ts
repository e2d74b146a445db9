/**
 * From what a caller wrote to the rule that is run: checks every option and fills in the defaults. The original's
 * named strategies are points of the composable family wherever the formula is the same.
 */
import { OptionError } from "../../foundation/errors.ts";
import { checkKeys, checkNumber, isRecord } from "../../foundation/checks.ts";
import type { LoopWindow, Strategy, SwitchWindow } from "../strategy.ts";
import type { RemdmRule } from "./remdm.ts";
import type { Window } from "./window.ts";

export type Rule = RemdmRule | { readonly kind: "forward-backward" | "dfm" | "analytic" | "ar" };

/** Every strategy with the options that it takes. */
const STRATEGY_OPTIONS: Readonly<Record<Strategy["kind"], readonly string[]>> = {
  mdlm: [],
  ddpm: [],
  analytic: [],
  ar: [],
  "forward-backward": [],
  dfm: [],
  "remdm-cap": ["eta"],
  "remdm-rescale": ["eta"],
  "remdm-conf": [],
  "remdm-loop": ["eta", "tOn", "tOff", "alphaOn"],
  remdm: ["cap", "rescale", "confidence", "window"],
};

const WINDOW_OPTIONS: Readonly<Record<"switch" | "loop", readonly string[]>> = {
  switch: ["tSwitch"],
  loop: ["tOn", "tOff", "alphaOn"],
};

type Given = Readonly<Record<string, unknown>>;

/**
 * @param strategy of any origin: untyped callers get the same errors.
 * @throws OptionError that names the option as the caller wrote it, `strategy.eta` or `strategy.window.tOn`.
 */
export function ruleOf(strategy: unknown): Rule {
  const { kind, given } = readKind("strategy", strategy, STRATEGY_OPTIONS);
  switch (kind) {
    case "mdlm":
    case "ddpm":
      return remdm({ cap: 0 });
    case "remdm-cap":
      return remdm({ cap: readShare("strategy.eta", given.eta, 0.008) });
    case "remdm-rescale":
      return remdm({ rescale: readShare("strategy.eta", given.eta, 0.015) });
    case "remdm-conf":
      return remdm({ confidence: true });
    case "remdm-loop": {
      const loop = readLoop("strategy.", given);
      return remdm({ cap: readLoopEta(given.eta, loop.alphaOn), window: loop });
    }
    case "remdm":
      return remdm({
        cap: readShare("strategy.cap", given.cap, 1),
        rescale: readShare("strategy.rescale", given.rescale, 1),
        confidence: readFlag("strategy.confidence", given.confidence),
        window: readWindow(given.window),
      });
    case "forward-backward":
    case "dfm":
    case "analytic":
    case "ar":
      return { kind };
  }
}

/** The strategy as it was given. @throws OptionError, as {@link ruleOf}. */
export function checkStrategy(strategy: unknown): Strategy {
  ruleOf(strategy);
  return strategy as Strategy;
}

/** With nothing set, ReMDM-max: sigma = sigmaMax at all times. */
function remdm(rule: Partial<RemdmRule>): RemdmRule {
  return {
    kind: "remdm",
    cap: 1,
    rescale: 1,
    confidence: false,
    window: { kind: "always" },
    ...rule,
  };
}

function readKind<Kind extends string>(
  option: string,
  value: unknown,
  options: Readonly<Record<Kind, readonly string[]>>,
): { readonly kind: Kind; readonly given: Given } {
  const isKind = (name: unknown): name is Kind =>
    typeof name === "string" && Object.hasOwn(options, name);
  const kinds = Object.keys(options).join(", ");
  if (!isRecord(value)) {
    throw new OptionError(option, value, `an object whose kind is one of ${kinds}`);
  }
  const { kind } = value;
  if (!isKind(kind)) throw new OptionError(`${option}.kind`, kind, `one of ${kinds}`);
  checkKeys(`${option}.`, kind, value, ["kind", ...options[kind]]);
  return { kind, given: value };
}

function readShare(option: string, value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise;
  return checkNumber(option, value, "a number in [0, 1]", (x) => x >= 0 && x <= 1);
}

function readFlag(option: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") throw new OptionError(option, value, "true or false");
  return value;
}

function readWindow(value: unknown): Window {
  if (value === undefined) return { kind: "always" };
  const { kind, given } = readKind("strategy.window", value, WINDOW_OPTIONS);
  switch (kind) {
    case "switch":
      return readSwitch(given);
    case "loop":
      return readLoop("strategy.window.", given);
  }
}

function readSwitch({ tSwitch = 0.55 }: Given): Required<SwitchWindow> {
  const option = "strategy.window.tSwitch";
  const allowed = "a number in (0, 1]";
  return {
    kind: "switch",
    tSwitch: checkNumber(option, tSwitch, allowed, (x) => x > 0 && x <= 1),
  };
}

/** 0 < tOff < tOn < 1 and 0 < alphaOn < 1. */
function readLoop(prefix: string, given: Given): Required<LoopWindow> {
  const { tOn = 0.55, tOff = 0.05, alphaOn = 0.9 } = given;
  const inside = (x: number) => x > 0 && x < 1;
  const end = checkNumber(`${prefix}tOff`, tOff, "a number in (0, tOn)", inside);
  const allowed = `a number in (tOff, 1), with tOff = ${end}`;
  return {
    kind: "loop",
    tOn: checkNumber(`${prefix}tOn`, tOn, allowed, (x) => x > end && x < 1),
    tOff: end,
    alphaOn: checkNumber(`${prefix}alphaOn`, alphaOn, "a number in (0, 1)", inside),
  };
}

/** On the plateau sigmaMax = (1 - alphaOn) / alphaOn: beyond it there is no posterior, within it the cap is eta. */
function readLoopEta(value: unknown = 0.02, alphaOn: number): number {
  const max = Math.min(1, (1 - alphaOn) / alphaOn);
  const allowed = `a number in [0, ${max}], the most that alphaOn = ${alphaOn} allows`;
  return checkNumber("strategy.eta", value, allowed, (x) => x >= 0 && x <= max);
}
