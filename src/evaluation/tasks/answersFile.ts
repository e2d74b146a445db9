/**
 * Reads a file of answers, as `remdm eval --task --out` writes it: a line with the run's settings,
 * then an answer a line.
 */
import { checkOptions, isRecord } from "../../foundation/checks.ts";
import { parseJson } from "../../foundation/json.ts";
import { InputError } from "../errors.ts";
import { checkReading, READ_KEYS, textLines, type ReadOptions } from "../texts/textFile.ts";
import { SCORERS } from "./scorers.ts";
import type { TaskAnswer } from "./scores.ts";

/** The settings of the run that made answers, as they are in JSON. */
export type TaskRun = Readonly<Record<string, unknown>>;

/** A line of the file. */
export type AnswerLine = { readonly run: TaskRun } | TaskAnswer;

export interface AnswersFile {
  /** Absent where the file does not have them. */
  readonly run?: TaskRun;
  readonly answers: readonly TaskAnswer[];
}

const REMEDY = "Name a file that `remdm eval --task` wrote with --out.";

/** @throws OptionError; InputError naming file and line; AbortedError. */
export async function readAnswers(path: string, options: ReadOptions = {}): Promise<AnswersFile> {
  checkReading(path, checkOptions("readAnswers", options, READ_KEYS));
  const lines: AnswerLine[] = [];
  const seen = new Set<string>();
  let number = 0;
  for await (const line of textLines(path, options)) {
    number++;
    if (line.trim() === "") continue;
    try {
      const read = readAnswerLine(parseJson(line));
      lines.push(read);
      if ("run" in read) continue;
      const key = `${read.repeat} ${read.id}`;
      if (seen.has(key)) throw new TypeError(`has an answer that is there already (${read.id})`);
      seen.add(key);
    } catch (cause) {
      if (!(cause instanceof TypeError || cause instanceof SyntaxError)) throw cause;
      throw new InputError(path, cause.message, REMEDY, number, cause);
    }
  }
  const file = answersOf(lines);
  if (file.answers.length === 0) throw new InputError(path, "holds no answers", REMEDY);
  return file;
}

/** Separates the settings from the answers. */
export function answersOf(lines: readonly AnswerLine[]): AnswersFile {
  const runs = lines.flatMap((line) => ("run" in line ? [line.run] : []));
  const answers = lines.flatMap((line) => ("run" in line ? [] : [line]));
  return { answers, ...(runs.length > 0 && { run: runs[0] }) };
}

/** @throws TypeError for a value that is no line of such a file. */
export function readAnswerLine(value: unknown): AnswerLine {
  if (!isRecord(value)) throw new TypeError("must be an object");
  if (isRecord(value.run)) return { run: value.run };
  const { id, repeat, scorer, answer, score } = value;
  const isScorer = SCORERS.some((one) => one === scorer);
  const isScore = typeof score === "number" && score >= 0 && score <= 1;
  const isPlace = typeof repeat === "number" && Number.isSafeInteger(repeat) && repeat >= 0;
  if (typeof id !== "string") throw new TypeError("must have `id`, a text");
  if (!isPlace) throw new TypeError("must have `repeat`, a whole number from 0 on");
  if (!isScorer) throw new TypeError(`must have \`scorer\`, one of ${SCORERS.join(", ")}`);
  if (typeof answer !== "string") throw new TypeError("must have `answer`, a text");
  if (!isScore) throw new TypeError("must have `score`, a number in [0, 1]");
  return value as unknown as TaskAnswer; // the other fields tell more, and nothing reads them
}
