/** Reads a task from a file of JSON lines, an item a line. */
import { checkOptions } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import { parseJson } from "../../foundation/json.ts";
import { InputError } from "../errors.ts";
import { checkReading, READ_KEYS, textLines, type ReadOptions } from "../texts/textFile.ts";
import { ItemProblem, readItem, type ReadItem, type TaskItem } from "./item.ts";
import { SCORERS, type ScorerName } from "./scorers.ts";

export interface TaskFileOptions extends ReadOptions {
  /** The scorer of items that name none. Default: such an item is an error. */
  readonly scorer?: ScorerName;
}

const REMEDY =
  'A task has on each line a JSON object: { "prompt": "2 + 2 =", "expected": "4", "scorer": "number" }; docs/tasks.md has all fields.';

/**
 * Reads the items of a task, checks them, and returns them for `evaluateTask`. Empty lines are
 * skipped.
 * @throws OptionError; InputError naming file, line and field; AbortedError.
 */
export async function readTask(path: string, options: TaskFileOptions = {}): Promise<TaskItem[]> {
  checkReading(path, checkOptions("readTask", options, { ...READ_KEYS, scorer: true }));
  const { scorer } = options;
  checkScorer(scorer);
  const items: TaskItem[] = [];
  const lines = new Map<string, number>();
  let number = 0;
  for await (const line of textLines(path, options)) {
    number++;
    if (line.trim() === "") continue;
    const value = parse(path, line, number);
    const place = items.length + 1;
    try {
      const { id, scorer: name } = readItem(value, place, scorer);
      const earlier = lines.get(id);
      if (earlier !== undefined) {
        throw new ItemProblem(`has the \`id\` ${JSON.stringify(id)} of line ${earlier}`);
      }
      lines.set(id, number);
      items.push({ ...(value as TaskItem), id, scorer: name } as TaskItem);
    } catch (error) {
      if (!(error instanceof ItemProblem)) throw error;
      throw new InputError(path, error.message, REMEDY, number);
    }
  }
  if (items.length === 0) throw new InputError(path, "holds no items", REMEDY);
  return items;
}

/**
 * Checks items of any origin.
 * @throws OptionError naming the item and the field.
 */
export function checkItems(items: unknown, scorer?: ScorerName): ReadItem[] {
  checkScorer(scorer);
  if (!Array.isArray(items) || items.length === 0) {
    throw new OptionError("items", items, "an array of one item or more");
  }
  const places = new Map<string, number>();
  return items.map((value: unknown, i) => {
    try {
      const item = readItem(value, i + 1, scorer);
      const earlier = places.get(item.id);
      if (earlier !== undefined) throw new ItemProblem(`has the \`id\` of items[${earlier}]`);
      places.set(item.id, i);
      return item;
    } catch (error) {
      if (!(error instanceof ItemProblem)) throw error;
      const message = `items[${i}] ${error.message}`;
      throw new OptionError(`items[${i}]`, value, { message, remedy: REMEDY });
    }
  });
}

function checkScorer(scorer: unknown): void {
  if (scorer === undefined || SCORERS.some((one) => one === scorer)) return;
  throw new OptionError("scorer", scorer, `one of ${SCORERS.join(", ")}`);
}

function parse(path: string, line: string, number: number): unknown {
  try {
    return parseJson(line);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(path, `is not JSON: ${why}`, REMEDY, number, cause);
  }
}
