/** Reads text that people wrote, and cuts it into pieces that samples can be compared with. */
import {
  checkBoolean,
  checkChoice,
  checkFunction,
  checkInteger,
  checkOptions,
  isRecord,
} from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { InputError } from "../errors.ts";
import { givesBack } from "./findTokenizer.ts";
import { readSamples, type SampleSet } from "./samplesFile.ts";
import { checkReading, READ_KEYS, readText, type ReadOptions } from "./textFile.ts";
import { windowsOf } from "./windows.ts";

export interface ReferenceOptions extends ReadOptions {
  /** How many references are made at most; they are spread evenly over the file. */
  readonly count: number;
  /**
   * What the file is cut into; a plain text is one text, a `.jsonl` or `.json` file has several.
   * - `window`: pieces of `length` tokens without overlap, from the texts one after the other, as
   *   models are trained on them. A window begins anywhere in a sentence, as samples do.
   * - `paragraph`: pieces that blank lines divide.
   * - `text`: each text as it is.
   *
   * Default `window`.
   */
  readonly unit?: ReferenceUnit;
  /** Tokens of a window: as many as a sample has. */
  readonly length: number;
  /**
   * The samples' tokenizer. It cuts windows, and tokens in the file count only if it makes their
   * texts of them.
   */
  readonly tokenizer?: Tokenizer;
  /**
   * Whether each window begins and ends with the tokenizer's end-of-text token, within its length.
   * The windows of the original's loader do, and so do samples of models trained on them. Default:
   * true for a `.jsonl` or `.json` file, false for a plain text.
   */
  readonly ends?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

export type ReferenceUnit = "window" | "paragraph" | "text";

export interface ReferenceSet {
  readonly texts: readonly string[];
  /**
   * Token ids in the tokenizer's vocabulary: present for windows, and for a file of samples that
   * has them.
   */
  readonly tokens?: readonly ArrayLike<number>[];
  /** The whole of a plain text: its words are the known words. */
  readonly source?: string;
  /**
   * Pieces that the tokenizer has no token for, in the text that windows were cut from; absent
   * where it knows every piece.
   */
  readonly unknownPieces?: number;
}

/** The contents of a file. */
interface Documents {
  readonly texts: readonly string[];
  readonly tokens?: SampleSet["tokens"];
  readonly source?: string;
}

/**
 * Reads references. A `.jsonl` or `.json` file holds references as it holds samples; every other
 * file is plain text. Samples that have tokens, each `length` of them, are windows already and stay
 * as they are.
 * @throws OptionError; InputError; AbortedError.
 */
export async function readReferences(
  path: string,
  options: ReferenceOptions,
): Promise<ReferenceSet> {
  const { count, unit = "window" } = checkReferences(path, options);
  const documents = await readDocuments(path, options);
  const { source } = documents;
  const kept = source === undefined ? {} : { source };
  if (unit === "window" && !areWindows(documents, options)) {
    return { ...(await windowsIn(path, documents, options)), ...kept };
  }
  if (unit === "paragraph") {
    const texts = documents.texts.flatMap(paragraphsOf);
    if (texts.length > 0) return { texts: spread(texts, count), ...kept };
    throw new InputError(path, "holds no text", "Name a file of text that people wrote.");
  }
  const tokens = tokensOf(documents, options);
  const texts = spread(documents.texts, count);
  return { texts, ...(tokens && { tokens: spread(tokens, count) }), ...kept };
}

const KEYS: Readonly<Record<keyof ReferenceOptions, true>> = {
  ...READ_KEYS,
  count: true,
  unit: true,
  length: true,
  tokenizer: true,
  ends: true,
  onProgress: true,
};

function checkReferences(path: string, options: ReferenceOptions): ReferenceOptions {
  const { count, unit, length, tokenizer, ends, onProgress }: Readonly<Record<string, unknown>> =
    checkOptions("readReferences", options, KEYS);
  checkReading(path, { ...options });
  checkInteger("count", count, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("length", length, 1, Number.MAX_SAFE_INTEGER);
  checkChoice("unit", unit, ["window", "paragraph", "text"]);
  if (tokenizer !== undefined && !isRecord(tokenizer)) {
    throw new OptionError("tokenizer", tokenizer, "a tokenizer, as `loadTokenizer` gives");
  }
  if (ends !== undefined) checkBoolean("ends", ends);
  checkFunction("onProgress", onProgress);
  return options;
}

/**
 * Whether most samples have the end-of-text token at both ends: then references should have it too.
 */
export function mostAreEnded(
  samples: readonly ArrayLike<number>[],
  eosId: number | undefined,
): boolean {
  if (eosId === undefined) return false;
  const isEnded = (ids: ArrayLike<number>): boolean =>
    ids.length > 0 && ids[0] === eosId && ids[ids.length - 1] === eosId;
  return samples.filter(isEnded).length > samples.length / 2;
}

/**
 * Whether a file has several texts. Its name decides, because a plain text may look like anything.
 */
export function hasTexts(path: string): boolean {
  return /\.jsonl?$/.test(path);
}

async function readDocuments(
  path: string,
  { signal, maxLength }: ReferenceOptions,
): Promise<Documents> {
  const options = { ...(signal && { signal }), ...(maxLength !== undefined && { maxLength }) };
  if (hasTexts(path)) return readSamples(path, options);
  const source = await readText(path, options);
  return { texts: [source], source };
}

/**
 * Whether a file of samples needs no cutting. Without a tokenizer its tokens decide this, but are
 * not handed on.
 */
function areWindows(documents: Documents, options: ReferenceOptions): boolean {
  const { length, tokenizer } = options;
  const tokens = tokenizer ? tokensOf(documents, options) : documents.tokens;
  return tokens?.every((ids) => ids.length === length) ?? false;
}

/** Returns undefined also where the tokens are of another vocabulary, or of an unknown one. */
function tokensOf(
  { texts, tokens }: Documents,
  { tokenizer }: ReferenceOptions,
): Documents["tokens"] {
  return tokens && tokenizer && givesBack(tokenizer, texts, tokens) ? tokens : undefined;
}

async function windowsIn(
  path: string,
  { texts, source }: Documents,
  options: ReferenceOptions,
): Promise<ReferenceSet> {
  const { tokenizer, count, length, signal, onProgress } = options;
  const isPlain = source !== undefined;
  if (tokenizer === undefined) {
    const [holds, instead] = isPlain
      ? ["is plain text", 'compare with paragraphs (`unit: "paragraph"`)']
      : ["holds texts of any length", 'take each as it is (`unit: "text"`)'];
    throw new InputError(
      path,
      `${holds}, and without a tokenizer it cannot be cut into windows as long as the samples`,
      `Name the samples' tokenizer (\`tokenizer\`), or ${instead}.`,
    );
  }
  return windowsOf(path, texts, {
    count,
    length,
    tokenizer,
    joined: !isPlain,
    ends: options.ends ?? !isPlain,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
}

function paragraphsOf(text: string): string[] {
  const paragraphs = text.split(/\r?\n(?:[ \t]*\r?\n)+/).map((paragraph) => paragraph.trim());
  return paragraphs.filter((paragraph) => paragraph !== "");
}

/** Returns at most `count` of the values, spread evenly. */
function spread<T>(values: readonly T[], count: number): readonly T[] {
  if (values.length <= count) return values;
  return Array.from({ length: count }, (_, i) => Math.floor((i * values.length) / count)).flatMap(
    (at) => values.slice(at, at + 1),
  );
}
