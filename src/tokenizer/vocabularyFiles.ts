/**
 * Builds the contents of a `tokenizer.json` for a model that is published without one: with
 * `vocab.json` and `merges.txt`, which a tokenizer written in Python reads (Dream, Qwen2, GPT-2).
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isRecord } from "../foundation/checks.ts";
import type { TokenId } from "../sampler/denoiser.ts";
import { TokenizerError } from "./errors.ts";
import { isId, readObject, tokenIn } from "./specialTokens.ts";

/** The file that stands for the vocabulary's files, as a path. */
export const VOCABULARY = "vocab.json";
/** The pairs of the byte-pair encoding, one a line, the first to be joined first. */
export const MERGES = "merges.txt";

/** Parts of a `tokenizer.json`. */
type Parts = Readonly<Record<string, unknown>>;

const BYTES = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };

/** Where Qwen2 cuts a text: contractions, words, single digits, signs, lines, blanks. */
const QWEN2_PIECES =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const QWEN2: Parts = {
  normalizer: { type: "NFC" },
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: QWEN2_PIECES }, behavior: "Isolated", invert: false },
      { ...BYTES, use_regex: false },
    ],
  },
};

const GPT2: Parts = { pre_tokenizer: { ...BYTES, use_regex: true } };

/**
 * How a text is cut, by the `tokenizer_class` of `tokenizer_config.json`. The sources are the
 * classes of that name: `tokenization_dream.py` of Dream, and transformers' own.
 */
const CLASSES: ReadonlyMap<string, Parts> = new Map([
  ["DreamTokenizer", QWEN2],
  ["Qwen2Tokenizer", QWEN2],
  ["Qwen2TokenizerFast", QWEN2],
  ["GPT2Tokenizer", GPT2],
  ["GPT2TokenizerFast", GPT2],
]);

/** The settings that name special tokens by their text. */
const NAMES = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map((name) => `${name}_token`);
/** The end of a text for all classes above, where the files do not say. */
const END_OF_TEXT = "<|endoftext|>";

interface AddedToken {
  readonly id: TokenId;
  readonly content: string;
  readonly special: boolean;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
}

/**
 * Returns the text of the `tokenizer.json` that says the same as the files.
 * @param path the path of `vocab.json`; the other files lie beside it.
 * @throws TokenizerError tokenizer_invalid for a file that cannot be read, a class that is not
 * known, or two tokens with one id.
 */
export async function readVocabularyFiles(path: string): Promise<string> {
  const directory = dirname(path);
  const settings = await readObject(join(directory, "tokenizer_config.json"));
  const parts = partsOf(directory, settings.tokenizer_class);
  const vocab = vocabularyOf(path, await readObject(path));
  const pairs = mergesOf(await readText(join(directory, MERGES)));
  const added = await addedTokens(directory, settings, vocab);
  const all = { ...vocab, ...Object.fromEntries(added.map(({ content, id }) => [content, id])) };
  checkIds(path, all);
  return JSON.stringify({
    version: "1.0",
    added_tokens: added,
    ...parts,
    decoder: BYTES,
    model: { type: "BPE", vocab: all, merges: pairs },
  });
}

function partsOf(directory: string, name: unknown): Parts {
  const parts = typeof name === "string" ? CLASSES.get(name) : undefined;
  if (parts !== undefined) return parts;
  const found = typeof name === "string" ? `the class ${name}` : "no tokenizer_class";
  throw new TokenizerError(
    "tokenizer_invalid",
    `${directory} has ${VOCABULARY} and no tokenizer.json, and its tokenizer_config.json names ${found}; known are ${[...CLASSES.keys()].join(", ")}`,
    "Save a tokenizer.json beside it with the Python code that belongs to the model (`tokenizer.save_pretrained`), or pass the path of one as `tokenizer`.",
  );
}

function vocabularyOf(path: string, found: Parts): Readonly<Record<string, TokenId>> {
  const wrong = Object.entries(found).find(([, id]) => !isId(id));
  if (wrong !== undefined) {
    throw invalid(path, `${JSON.stringify(wrong[0])} has no id but ${JSON.stringify(wrong[1])}`);
  }
  return found as Readonly<Record<string, TokenId>>;
}

/** Reads the pairs; a first line may tell a version. */
function mergesOf(text: string): string[][] {
  const lines = text.split("\n").map((line) => line.trim());
  if (lines[0]?.startsWith("#version:")) lines.shift();
  return lines.filter((line) => line !== "").map((line) => line.split(/\s+/));
}

/**
 * Collects the tokens that are found in a text before it is cut: those that the files add to the
 * vocabulary, and the special ones.
 */
async function addedTokens(
  directory: string,
  settings: Parts,
  vocab: Readonly<Record<string, TokenId>>,
): Promise<AddedToken[]> {
  const tokens = new Map<string, AddedToken>();
  const extra = await readObject(join(directory, "added_tokens.json"));
  for (const [content, id] of Object.entries(extra)) {
    if (isId(id)) tokens.set(content, token(id, content, {}));
  }
  const decoder = isRecord(settings.added_tokens_decoder) ? settings.added_tokens_decoder : {};
  for (const [id, described] of Object.entries(decoder)) {
    if (isRecord(described) && typeof described.content === "string") {
      tokens.set(described.content, token(Number(id), described.content, described));
    }
  }
  const map = await readObject(join(directory, "special_tokens_map.json"));
  for (const content of [END_OF_TEXT, ...specialTexts(settings), ...specialTexts(map)]) {
    const known = tokens.get(content);
    const id = known?.id ?? (Object.hasOwn(vocab, content) ? vocab[content] : undefined);
    if (id !== undefined)
      tokens.set(content, { ...token(id, content, known ?? {}), special: true });
  }
  return [...tokens.values()].sort((a, b) => a.id - b.id);
}

function token(id: TokenId, content: string, flags: object): AddedToken {
  const is = (name: string): boolean => Reflect.get(flags, name) === true;
  return {
    ...{ id, content, special: is("special"), single_word: is("single_word") },
    ...{ lstrip: is("lstrip"), rstrip: is("rstrip"), normalized: is("normalized") },
  };
}

function specialTexts(settings: Parts): string[] {
  const more = settings.additional_special_tokens;
  const values: unknown[] = [
    ...NAMES.map((name) => settings[name]),
    ...(Array.isArray(more) ? (more as unknown[]) : []),
  ];
  return values.map(tokenIn).filter((content) => content !== undefined);
}

function checkIds(path: string, vocab: Readonly<Record<string, TokenId>>): void {
  const seen = new Map<TokenId, string>();
  for (const [content, id] of Object.entries(vocab)) {
    const other = seen.get(id);
    if (other !== undefined) {
      throw invalid(path, `${JSON.stringify(other)} and ${JSON.stringify(content)} share id ${id}`);
    }
    seen.set(id, content);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw invalid(path, "it cannot be read", cause);
  }
}

function invalid(path: string, fault: string, cause?: unknown): TokenizerError {
  return new TokenizerError(
    "tokenizer_invalid",
    `${path} is no part of a tokenizer: ${fault}`,
    "Use the files as they were published with the model, or pass the path of a tokenizer.json as `tokenizer`.",
    cause,
  );
}
