/** The checks on what a judge is asked; they hold against untyped callers too. */
import { checkFunction, checkOptions, checkSignal } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import type { JudgeCallOptions } from "./textJudge.ts";

const CALL_KEYS: Readonly<Record<keyof JudgeCallOptions, true>> = {
  signal: true,
  onProgress: true,
};

/** @throws OptionError. */
export function checkCallOptions(options: unknown): void {
  checkCallbacks(checkOptions("a judge's call", options, CALL_KEYS));
}

/** What all calls take. @throws OptionError. */
export function checkCallbacks(options: object): void {
  const { signal, onProgress }: { readonly signal?: unknown; readonly onProgress?: unknown } =
    options;
  checkSignal(signal);
  checkFunction("onProgress", onProgress);
}

/** @throws OptionError. */
export function checkTexts(texts: unknown): void {
  if (!Array.isArray(texts) || texts.length === 0) {
    throw new OptionError("texts", texts, "a list of at least one text");
  }
  const wrong = texts.findIndex((text) => typeof text !== "string");
  if (wrong >= 0) throw new OptionError(`texts[${wrong}]`, texts[wrong], "a text");
}
