/** Reads text that people wrote, in pieces that samples can be compared with. */
import { Pace } from "../sampler/pace.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { InputError } from "./errors.ts";
import { readSamples } from "./samplesFile.ts";
import { readText, type ReadOptions } from "./textFile.ts";

export interface ReferenceOptions extends ReadOptions {
  /** How many at most; they are spread evenly over the file. */
  readonly count: number;
  /**
   * What a plain text is cut into. `window`: `length` tokens each, without overlap, as models are trained on; a window begins anywhere in a sentence,
   * as samples do. `paragraph`: what blank lines divide. Default `window`.
   */
  readonly unit?: "window" | "paragraph";
  /** Tokens of a window: those of the samples. */
  readonly length: number;
  /** Windows are cut by it. */
  readonly tokenizer?: Tokenizer;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ReferenceSet {
  readonly texts: readonly string[];
  /** Token ids of windows, and of a file of samples that has them. */
  readonly tokens?: readonly ArrayLike<number>[];
  /** All of a plain text: its words are those that are known. */
  readonly source?: string;
}

/** Characters that the tokenizer is given at a time. */
const PIECE = 2 ** 16;

/**
 * `.jsonl` and `.json` hold references as they hold samples; everything else is plain text.
 * @throws InputError; AbortedError.
 */
export async function readReferences(
  path: string,
  options: ReferenceOptions,
): Promise<ReferenceSet> {
  const { count, unit = "window" } = options;
  if (/\.jsonl?$/.test(path)) {
    const { texts, tokens } = await readSamples(path, options);
    return { texts: spread(texts, count), ...(tokens && { tokens: spread(tokens, count) }) };
  }
  const source = await readText(path, options);
  if (unit === "window") return { ...(await windowsOf(path, source, options)), source };
  const paragraphs = source.split(/\r?\n(?:[ \t]*\r?\n)+/).map((text) => text.trim());
  const texts = spread(
    paragraphs.filter((text) => text !== ""),
    count,
  );
  if (texts.length === 0) {
    throw new InputError(path, "holds no text", "Name a file of text that people wrote.");
  }
  return { texts, source };
}

async function windowsOf(
  path: string,
  source: string,
  { count, length, tokenizer, signal, onProgress }: ReferenceOptions,
): Promise<Omit<ReferenceSet, "source">> {
  if (tokenizer === undefined) {
    throw new InputError(
      path,
      "is plain text, and without a tokenizer it cannot be cut into windows as long as the samples",
      "Name the samples' tokenizer (--tokenizer), or compare with paragraphs (--reference-unit paragraph).",
    );
  }
  const pace = new Pace(signal);
  const stream: number[] = [];
  for (let start = 0; start < source.length;) {
    // After a line break, so that no word is cut; a text without any is cut anywhere.
    const cut = source.indexOf("\n", start + PIECE);
    const end = cut < 0 || cut > start + 2 * PIECE ? start + 2 * PIECE : cut + 1;
    for (const id of tokenizer.encode(source.slice(start, end))) stream.push(id);
    start = end;
    onProgress?.(Math.min(start, source.length), source.length);
    await pace.rest();
  }
  const most = Math.min(count, Math.floor(stream.length / length));
  if (most === 0) {
    throw new InputError(
      path,
      `has ${stream.length} tokens, fewer than one sample (${length})`,
      "Name a longer text, as long as all samples together at best.",
    );
  }
  const last = stream.length - length;
  const tokens = Array.from({ length: most }, (_, i) => {
    const start = most === 1 ? 0 : Math.floor((i * last) / (most - 1));
    return stream.slice(start, start + length);
  });
  return { texts: tokens.map((ids) => tokenizer.decode(ids)), tokens };
}

/** @returns at most `count` of them, spread evenly. */
function spread<T>(values: readonly T[], count: number): readonly T[] {
  if (values.length <= count) return values;
  return Array.from({ length: count }, (_, i) => Math.floor((i * values.length) / count)).flatMap(
    (at) => values.slice(at, at + 1),
  );
}
