/** Finds the line of each value in an experiment's text, so that every error says where. */
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from "yaml";
import { ExperimentError } from "../errors.ts";

/** Keys and indices that lead to a value from the top: `["models", 0, "steps"]`. */
export type Path = readonly (string | number)[];

/** Writes a path as `models[0].steps`. */
export function pathText(path: Path): string {
  return path
    .map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join("");
}

/** The most characters that a file may have. */
const MAX_LENGTH = 2 ** 20;

function notYaml(place: string, cause: unknown): ExperimentError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ExperimentError(
    "experiment_invalid",
    `${place} is neither YAML nor JSON: ${why}`,
    "Mend that line; docs/experiments.md shows what a file looks like.",
    cause,
  );
}

/** An experiment's text, or the name of an object that a program gave. */
export class Source {
  readonly #name: string;
  readonly #document: Document | undefined;
  readonly #lines: LineCounter | undefined;

  /** @param name what the person calls it. Without a document, places have no line numbers. */
  constructor(name: string, document?: Document, lines?: LineCounter) {
    this.#name = name;
    this.#document = document;
    this.#lines = lines;
  }

  /**
   * Reads YAML, of which JSON is a part.
   * @returns the value, of any shape.
   * @throws ExperimentError experiment_invalid.
   */
  static parse(text: string, name: string): { readonly value: unknown; readonly source: Source } {
    const lines = new LineCounter();
    if (text.length > MAX_LENGTH) {
      throw new ExperimentError(
        "experiment_invalid",
        `${name} has ${text.length} characters, more than ${MAX_LENGTH}: it is hardly an experiment`,
        "Name the experiment's file; texts and models stand in files of their own.",
      );
    }
    const options = { lineCounter: lines, prettyErrors: false, merge: true };
    const document = parseDocument(text, options);
    const error = document.errors.at(0);
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw notYaml(`${name}:${line}:${col}`, error);
    }
    try {
      const value: unknown = document.toJS();
      return { value, source: new Source(name, document, lines) };
    } catch (cause) {
      throw notYaml(name, cause); // an alias without an anchor, or too many aliases
    }
  }

  /**
   * Names a place: `headline.yaml:12: models[0].steps`. The line is the key's, or the line of the
   * nearest key above it.
   */
  where(path: Path): string {
    const line = this.#lineOf(path);
    const place = line === undefined ? this.#name : `${this.#name}:${line}`;
    return path.length === 0 ? place : `${place}: ${pathText(path)}`;
  }

  #lineOf(path: Path): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const offset = this.#offsetOf(path.slice(0, length));
      if (offset !== undefined) return this.#lines?.linePos(offset).line;
    }
    return undefined;
  }

  #offsetOf(path: Path): number | undefined {
    const [parent, key] = [this.#document?.getIn(path.slice(0, -1), true), path.at(-1)];
    if (isMap(parent)) {
      const pair = parent.items.find(({ key: name }) => isScalar(name) && name.value === key);
      return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
    }
    const node = this.#document?.getIn(path, true);
    return isNode(node) ? node.range?.[0] : undefined;
  }
}
