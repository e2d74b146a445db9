/**
 * Reads samples from files: `.jsonl` (a sample a line, as `remdm sample --out` writes it), the
 * output of `remdm sample --json`, a JSON array of texts, and the original repository's
 * `generated_seqs` JSON. The contents tell which it is. Python may have written the file, so NaN
 * and Infinity are read.
 */
import { parseJson } from "../../foundation/json.ts";
import { checkOptions, isRecord } from "../../foundation/checks.ts";
import { InputError } from "../errors.ts";
import { readOriginal } from "./originalFormat.ts";
import { readTextSample, SampleProblem, type TextSample } from "./textSample.ts";
import {
  checkReading,
  DEFAULT_MAX_LENGTH,
  READ_KEYS,
  textLines,
  type ReadOptions,
} from "./textFile.ts";

/** The samples of a file, in their order. */
export interface SampleSet {
  readonly format: "jsonl" | "json" | "original";
  readonly texts: readonly string[];
  /** Token ids, where the file has them. */
  readonly tokens?: readonly Int32Array[];
  /** Entropies in nats, where the file has them. */
  readonly entropies?: readonly number[];
}

const REMEDY =
  "A file of samples has on each line a JSON object with `text` (and `tokens`, `entropy`), as `remdm sample --out` writes it, or a JSON string; or it is a JSON array of these, or the original's JSON with `text_samples`.";

/**
 * Reads the samples of a file. Lines are read as a stream, once, so that a pipe works too; a JSON
 * document is collected whole.
 * @throws OptionError; InputError naming file and line; AbortedError.
 */
export async function readSamples(path: string, options: ReadOptions = {}): Promise<SampleSet> {
  checkReading(path, checkOptions("readSamples", options, READ_KEYS));
  const { maxLength = DEFAULT_MAX_LENGTH } = options;
  const records: TextSample[] = [];
  let document: string[] | undefined;
  let [number, length] = [0, 0];
  for await (const line of textLines(path, options)) {
    number++;
    if (document !== undefined) {
      document.push(line);
      length += line.length;
      if (length > maxLength) {
        const problem = `is a JSON document of more than ${maxLength} characters`;
        throw new InputError(path, problem, "Write its samples into a .jsonl file, one a line.");
      }
    } else if (line.trim() !== "") {
      if (records.length === 0 && beginsDocument(path, line)) document = [line];
      else records.push(lineOf(path, line, number, records[0]));
    }
  }
  const set =
    document === undefined
      ? ({ format: "jsonl", ...columnsOf(records) } as const)
      : readDocument(path, document.join("\n"));
  if (set.texts.length === 0) throw new InputError(path, "holds no samples", REMEDY);
  return set;
}

/** Whether a first line is an object or an array of many samples, or the beginning of one. */
function beginsDocument(path: string, line: string): boolean {
  try {
    const value = parseJson(line);
    return (
      Array.isArray(value) || (isRecord(value) && ("text_samples" in value || "samples" in value))
    );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The reader of the document, or of the line, says what is wrong with it.
    return /^\s*\[/.test(line) || (/^\s*\{/.test(line) && !path.endsWith(".jsonl"));
  }
}

function lineOf(
  path: string,
  line: string,
  number: number,
  first: TextSample | undefined,
): TextSample {
  const record = recordOf(path, parse(path, line, number), number);
  for (const key of ["tokens", "entropy"] as const) {
    if (first === undefined || key in record === key in first) continue;
    const problem = `must have \`${key}\` if the other lines have it, and only then`;
    throw new InputError(path, problem, REMEDY, number);
  }
  return record;
}

function readDocument(path: string, text: string): SampleSet {
  const document = parse(path, text);
  if (isRecord(document) && "text_samples" in document) {
    try {
      return { format: "original", ...readOriginal(document) };
    } catch (error) {
      if (!(error instanceof SampleProblem)) throw error;
      throw new InputError(path, error.message, REMEDY);
    }
  }
  const values = isRecord(document) ? document.samples : document;
  if (!Array.isArray(values)) {
    throw new InputError(path, "must have `text_samples` or `samples`", REMEDY);
  }
  const records = values.map((value, i) => recordOf(path, value, undefined, `(sample ${i + 1}) `));
  return { format: "json", ...columnsOf(records) };
}

/** @param which names the sample where there is no line to name. */
function recordOf(path: string, value: unknown, line?: number, which = ""): TextSample {
  try {
    return readTextSample(value);
  } catch (error) {
    if (!(error instanceof SampleProblem)) throw error;
    throw new InputError(path, `${which}${error.message}`, REMEDY, line);
  }
}

/** Turns records into columns; a column is there when every record has it. */
function columnsOf(records: readonly TextSample[]): Omit<SampleSet, "format"> {
  const tokens = records.flatMap((record) => record.tokens ?? []);
  const entropies = records.flatMap(({ entropy }) => entropy ?? []);
  return {
    texts: records.map(({ text }) => text),
    ...(tokens.length === records.length && { tokens }),
    ...(entropies.length === records.length && { entropies }),
  };
}

function parse(path: string, text: string, line?: number): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(path, `is not JSON: ${why}`, REMEDY, line, cause);
  }
}
