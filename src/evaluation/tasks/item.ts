/** An item of a task: a prompt, what is expected, and the scorer that compares the two. */
import { isRecord } from "../../foundation/checks.ts";
import { described } from "../../foundation/messages.ts";
import { judgeCountdown, type Countdown } from "./countdown.ts";
import { numberAlone } from "./numbers.ts";
import type { Rational } from "./rational.ts";
import { SCORERS, type ScorerName } from "./scorers.ts";

interface Asked {
  /** Names the item, uniquely in its task. Default: its place in the task, counted from 1. */
  readonly id?: string;
  /** Text that the answer follows. */
  readonly prompt: string;
  /** Anything of the caller's own; nothing reads it. */
  readonly metadata?: unknown;
}

interface Answered extends Asked {
  /** Texts before which an answer ends. */
  readonly stop?: string | readonly string[];
}

/** An item whose answer is compared with texts. */
export interface TextItem extends Answered {
  /**
   * `exact`: the answer, without blanks around it, is one of the expected texts. `contains`: it has
   * one of them in it. Both compare in Unicode's normal form C, and tell capitals from small
   * letters. Left out: the scorer that the options name.
   */
  readonly scorer?: "exact" | "contains";
  readonly expected: string | readonly string[];
}

/** An item whose answer is a number: the last one in the answer counts. */
export interface NumberItem extends Answered {
  readonly scorer?: "number";
  /** Numbers, or texts that are numbers: `"1,234.5"`, `"3/4"`. One of them must be equal. */
  readonly expected: string | number | readonly (string | number)[];
}

/** An item whose answer is an expression of given numbers that equals the target. */
export interface CountdownItem extends Answered {
  readonly scorer?: "countdown";
  /** Two to eight integers from 0 on. */
  readonly numbers: readonly number[];
  /** An integer. */
  readonly target: number;
  /** `all`: each number is used once; `some`: at most once. Default `all`. */
  readonly use?: "all" | "some";
  /** A solution, which is checked and else not used. */
  readonly expected?: string;
}

/** An item of multiple choice: the model's likeliest choice, given the prompt, is its answer. */
export interface ChoiceItem extends Asked {
  readonly scorer?: "choice";
  /** Two texts or more that may follow the prompt, blanks included. */
  readonly choices: readonly string[];
  /** The right one: its place, counted from 0, or its text. */
  readonly expected: number | string;
}

export type TaskItem = TextItem | NumberItem | CountdownItem | ChoiceItem;

/** An item that was read, with every default filled in. */
export type ReadItem = ReadAsked &
  (
    | { readonly scorer: "exact" | "contains"; readonly expected: readonly string[] }
    | { readonly scorer: "number"; readonly expected: readonly Rational[] }
    | ({ readonly scorer: "countdown" } & Countdown)
    | ReadChoice
  );

interface ReadAsked {
  readonly id: string;
  readonly prompt: string;
  readonly stop: readonly string[];
}

export interface ReadChoice {
  readonly scorer: "choice";
  readonly choices: readonly string[];
  /** Place of the right one. */
  readonly expected: number;
}

/** Says what is wrong with an item, as a phrase that follows its name. */
export class ItemProblem extends Error {
  override readonly name = "ItemProblem";
}

/** The fields that every scorer knows, and those of its own. */
const COMMON = ["id", "prompt", "scorer", "metadata"];
const FIELDS: Readonly<Record<ScorerName, readonly string[]>> = {
  exact: ["expected", "stop"],
  contains: ["expected", "stop"],
  number: ["expected", "stop"],
  countdown: ["numbers", "target", "use", "expected", "stop"],
  choice: ["choices", "expected"],
};

const MOST_NUMBERS = 8;

/**
 * Reads an item of any origin.
 * @param place of the item in its task, counted from 1.
 * @param scorer of items that name none.
 * @throws ItemProblem.
 */
export function readItem(value: unknown, place: number, scorer?: ScorerName): ReadItem {
  if (!isRecord(value)) throw new ItemProblem("must be an object with `prompt`");
  const { id = String(place), prompt, stop = [] } = value;
  if (typeof id !== "string" || id === "") throw wrong("id", id, "a text that is not empty");
  if (typeof prompt !== "string") throw wrong("prompt", prompt, "a text");
  const name = readScorer(value.scorer, scorer);
  checkFields(value, name);
  const asked = { id, prompt, stop: readTexts("stop", stop, 0) };
  switch (name) {
    case "exact":
    case "contains":
      return { ...asked, scorer: name, expected: readExpected(value.expected, name) };
    case "number":
      return { ...asked, scorer: name, expected: readNumbers(value.expected) };
    case "countdown":
      return { ...asked, scorer: name, ...readCountdown(value) };
    case "choice":
      return { ...asked, ...readChoice(value) };
  }
}

function wrong(field: string, value: unknown, allowed: string): ItemProblem {
  if (value === undefined) return new ItemProblem(`must have \`${field}\`, ${allowed}`);
  return new ItemProblem(`must have ${allowed} as \`${field}\`, and has ${described(value)}`);
}

function readScorer(value: unknown, fallback: ScorerName | undefined): ScorerName {
  const named = value === undefined ? fallback : SCORERS.find((one) => one === value);
  if (named !== undefined) return named;
  const allowed = `one of ${SCORERS.join(", ")}`;
  if (value !== undefined) throw wrong("scorer", value, allowed);
  throw new ItemProblem(`must have a scorer, its own or one for all items: ${allowed}`);
}

/** Refuses what the scorer does not know, so that a misspelt field is not ignored in silence. */
function checkFields(item: Readonly<Record<string, unknown>>, scorer: ScorerName): void {
  const known = [...COMMON, ...FIELDS[scorer]];
  const stray = Object.keys(item).find((field) => !known.includes(field));
  if (stray === undefined) return;
  throw new ItemProblem(
    `must not have \`${stray}\`: with the scorer ${scorer} it takes ${known.join(", ")}`,
  );
}

function readExpected(value: unknown, scorer: "exact" | "contains"): readonly string[] {
  const given = readTexts("expected", value, 1).map((text) => text.normalize("NFC"));
  // A blank at the end of what an answer contains may tell a word from the beginning of another.
  const texts = scorer === "exact" ? given.map((text) => text.trim()) : given;
  if (texts.every((text) => text.trim() !== "")) return texts;
  throw wrong("expected", "", "texts that are not blank");
}

function readTexts(field: string, value: unknown, least: number): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isText = (text: unknown): text is string => typeof text === "string" && text !== "";
  if (texts.length >= least && texts.every(isText)) return texts;
  const stray = texts.find((text) => !isText(text));
  const allowed = "a text that is not empty, or an array of such texts";
  throw wrong(field, Array.isArray(value) && texts.length > 0 ? stray : value, allowed);
}

function readNumbers(value: unknown): readonly Rational[] {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  const allowed = "a number, or a text that is one number (1,234.5 or 3/4), or an array of these";
  if (given.length === 0) throw wrong("expected", value, allowed);
  return given.map((one) => {
    const isRounded = Number.isInteger(one) && !Number.isSafeInteger(one);
    if (isRounded) throw wrong("expected", one, "a number beyond 2^53 as a text, in quotes,");
    const isGiven = typeof one === "number" || typeof one === "string";
    const number = isGiven ? numberAlone(String(one)) : undefined;
    if (number === undefined) throw wrong("expected", one, allowed);
    return number;
  });
}

function readCountdown({
  numbers,
  target,
  use = "all",
  expected,
}: Readonly<Record<string, unknown>>): Countdown {
  const allowed = `an array of 2 to ${MOST_NUMBERS} integers from 0 on`;
  const given: readonly unknown[] = Array.isArray(numbers) ? numbers : [];
  const isNumber = (one: unknown): one is number => Number.isSafeInteger(one) && Number(one) >= 0;
  const isFitting = given.length >= 2 && given.length <= MOST_NUMBERS;
  if (!isFitting || !given.every(isNumber)) throw wrong("numbers", numbers, allowed);
  if (typeof target !== "number" || !Number.isSafeInteger(target)) {
    throw wrong("target", target, "an integer");
  }
  if (use !== "all" && use !== "some") throw wrong("use", use, "all or some");
  const countdown: Countdown = { numbers: given, target, use };
  if (expected === undefined) return countdown;
  if (typeof expected !== "string") throw wrong("expected", expected, "a solution as a text");
  const { problem } = judgeCountdown(expected, countdown);
  if (problem === undefined) return countdown;
  throw new ItemProblem(`has an \`expected\` that is no solution: ${problem}`);
}

function readChoice({ choices, expected }: Readonly<Record<string, unknown>>): ReadChoice {
  const allowed = "an array of 2 different texts or more";
  const given: readonly unknown[] = Array.isArray(choices) ? choices : [];
  const isText = (text: unknown): text is string => typeof text === "string" && text !== "";
  const isFitting = given.length >= 2 && new Set(given).size === given.length;
  if (!isFitting || !given.every(isText)) throw wrong("choices", choices, allowed);
  const at = typeof expected === "string" ? given.indexOf(expected) : Number(expected ?? -1);
  const isPlace = Number.isSafeInteger(at) && at >= 0 && at < given.length;
  const isGiven = typeof expected === "number" || typeof expected === "string";
  if (isGiven && isPlace) return { scorer: "choice", choices: given, expected: at };
  const last = given.length - 1;
  throw wrong("expected", expected, `the text of a choice, or its place from 0 to ${last}`);
}
