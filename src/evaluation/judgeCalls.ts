/** The checks on what a judge is asked; they hold against untyped callers too. */
import { checkKeys, isRecord } from "../sampler/checks.ts";
import { OptionError } from "../sampler/errors.ts";
import type { JudgeCallOptions } from "./textJudge.ts";

const CALL_KEYS: Readonly<Record<keyof JudgeCallOptions, true>> = {
  signal: true,
  onProgress: true,
};

/** @throws OptionError. */
export function checkCallOptions(options: unknown): void {
  if (!isRecord(options)) throw new OptionError("options", options, "an object");
  checkKeys("", "a judge's call", options, Object.keys(CALL_KEYS));
  checkCallbacks(options);
}

/** What all calls take. @throws OptionError. */
export function checkCallbacks(options: object): void {
  const { signal, onProgress }: { readonly signal?: unknown; readonly onProgress?: unknown } =
    options;
  if (signal !== undefined && !(isRecord(signal) && typeof signal.aborted === "boolean")) {
    throw new OptionError("signal", signal, "an AbortSignal");
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new OptionError("onProgress", onProgress, "a function");
  }
}

/** @throws OptionError. */
export function checkTexts(texts: unknown): void {
  if (!Array.isArray(texts) || texts.length === 0) {
    throw new OptionError("texts", texts, "a list of at least one text");
  }
  const wrong = texts.findIndex((text) => typeof text !== "string");
  if (wrong >= 0) throw new OptionError(`texts[${wrong}]`, texts[wrong], "a text");
}
