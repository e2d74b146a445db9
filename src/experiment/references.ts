/** Real texts of the samples' size. */
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { isRecord } from "../sampler/checks.ts";
import { ExperimentError } from "./errors.ts";

/** What cuts a running text into pieces as long as samples. */
export interface Cutter {
  encode(text: string): readonly number[];
  decode(tokens: ArrayLike<number>): string;
}

/**
 * @param path `.jsonl` (strings, or records with `text`), `.json` (an array of these), else one running text.
 * @throws ExperimentError experiment_invalid.
 */
export function readReferences(path: string): References {
  const text = readFileSync(path, "utf8");
  const ending = extname(path).toLowerCase();
  if (ending !== ".json" && ending !== ".jsonl") return new References([], text);
  const lines = text.split("\n");
  const values =
    ending === ".json"
      ? [parse(text, path)].flat()
      : lines.flatMap((line, i) => (line.trim() === "" ? [] : [parse(line, `${path}:${i + 1}`)]));
  return new References(
    values.map((value, i) => {
      const found = isRecord(value) ? value.text : value;
      if (typeof found === "string") return found;
      throw new ExperimentError(
        "experiment_invalid",
        `Reference ${i + 1} of ${path} is neither a text nor a record with one`,
        'Write a string, or {"text": "..."}, for each.',
      );
    }),
    undefined,
  );
}

export class References {
  readonly #texts: readonly string[];
  readonly #running: string | undefined;
  readonly #tokens = new Map<Cutter, readonly number[]>();

  constructor(texts: readonly string[], running: string | undefined) {
    this.#texts = texts;
    this.#running = running;
  }

  /**
   * @param length of a sample in tokens: a running text is cut into pieces of it, spread evenly over the text.
   * @param count at most so many.
   */
  take(cutter: Cutter, length: number, count: number): readonly string[] {
    if (this.#running === undefined) return this.#texts.slice(0, count);
    const tokens = this.#tokens.get(cutter) ?? cutter.encode(this.#running);
    this.#tokens.set(cutter, tokens);
    const pieces = Math.min(count, Math.floor(tokens.length / length));
    return Array.from({ length: pieces }, (_, i) => {
      const begin = Math.floor((i * (tokens.length - length)) / Math.max(1, pieces - 1));
      return cutter.decode(tokens.slice(begin, begin + length));
    });
  }
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ExperimentError(
      "experiment_invalid",
      `${where} is not JSON`,
      "Give references as JSON, as a line of JSON each (.jsonl), or as a text of any other ending.",
      cause,
    );
  }
}
