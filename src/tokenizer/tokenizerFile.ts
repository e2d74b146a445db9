/**
 * Checks a `tokenizer.json` before it is used, and says which part cannot be read or would fail
 * later.
 */
import { isRecord } from "../foundation/checks.ts";
import { TokenizerError } from "./errors.ts";

/** The most characters of a token that a message shows. */
const SHOWN = 40;

export type TokenizerJson = Readonly<Record<string, unknown>>;

/**
 * Parses the file's text.
 * @throws TokenizerError tokenizer_invalid for a text that is not a JSON object, or has a part that
 * would fail later.
 */
export function parseTokenizerFile(path: string, text: string): TokenizerJson {
  const json = parse(path, text);
  for (const part of partsOf(json)) {
    const fault = fatalFault(part.value);
    if (fault !== undefined) throw unreadable(path, part, fault);
  }
  return json;
}

/**
 * Makes the error that names the part that the library refuses; the library's own message gives a
 * line and a column.
 * @param read has the library read a file.
 */
export function readError(
  path: string,
  json: TokenizerJson,
  cause: unknown,
  read: (text: string) => void,
): TokenizerError {
  if (!isRecord(json.model)) return notOne(path, "it has no model", cause);
  const tiny = { type: "BPE", vocab: {}, merges: [] };
  for (const part of partsOf(json)) {
    const alone = { version: "1.0", model: tiny, [part.key]: part.alone };
    try {
      read(JSON.stringify(alone));
    } catch (error) {
      return unreadable(path, part, messageOf(error), cause);
    }
  }
  return notOne(path, messageOf(cause), cause);
}

interface Part {
  /** The part's key in the file, such as `pre_tokenizer`. */
  readonly key: string;
  readonly value: unknown;
  /** The value that the key holds in a file with this part alone: the value, or a list of it. */
  readonly alone: unknown;
}

const SEQUENCES = ["normalizers", "pretokenizers", "processors", "decoders"];

/**
 * Lists the parts that the library reads alone: the parts of a sequence one by one, and each token
 * that was added.
 */
function partsOf(json: TokenizerJson): Part[] {
  return Object.entries(json).flatMap(([key, value]) => {
    const items = Array.isArray(value) ? value : itemsOf(value);
    if (items === undefined) return [{ key, value, alone: value }];
    return items.map((item: unknown) => ({
      key,
      value: item,
      alone: Array.isArray(value) ? [item] : item,
    }));
  });
}

function itemsOf(value: unknown): unknown[] | undefined {
  if (!isRecord(value) || value.type !== "Sequence") return undefined;
  const items = SEQUENCES.map((name) => value[name]).find(Array.isArray);
  return items?.flatMap((item: unknown) => itemsOf(item) ?? [item]);
}

/**
 * Says what is wrong with a part that `tokenizers` 0.23.2 reads, but fails at later without an
 * error to catch.
 */
function fatalFault(part: unknown): string | undefined {
  if (!isRecord(part)) return undefined;
  switch (part.type) {
    case "FixedLength":
      return part.length === 0 ? "its length is 0" : undefined;
    case "Strip":
      return typeof part.stop === "number" && part.stop > 0
        ? "as a decoder it fails on tokens shorter than its stop"
        : undefined;
    case "Precompiled":
      return isCharacterMap(part.precompiled_charsmap) ? undefined : "its map is damaged";
    case "TemplateProcessing":
      return missingSpecialToken(part);
    case "BPE":
      return brokenMerge(part);
    default:
      return undefined;
  }
}

/**
 * Whether a map is whole, as sentencepiece writes it: the size of the trie in bytes, the trie, and
 * texts in UTF-8.
 */
function isCharacterMap(map: unknown): boolean {
  if (typeof map !== "string") return true; // the library says so
  const bytes = Buffer.from(map, "base64");
  if (bytes.length < 4) return false;
  const end = 4 + bytes.readUInt32LE(0);
  if (end > bytes.length || end % 4 !== 0 || end === 4) return false;
  const texts = bytes.subarray(end);
  return Buffer.from(texts.toString("utf8")).equals(texts);
}

function missingSpecialToken({ single, pair, special_tokens }: TokenizerJson): string | undefined {
  const known = isRecord(special_tokens) ? special_tokens : {};
  for (const piece of [single, pair].flat()) {
    const token = isRecord(piece) && isRecord(piece.SpecialToken) ? piece.SpecialToken.id : "";
    if (typeof token === "string" && token !== "" && !Object.hasOwn(known, token)) {
      return `its special_tokens lack ${token}`;
    }
  }
  return undefined;
}

/**
 * Finds a merge whose second part lacks the prefix, which the library would drop from it, or that
 * makes a token which the vocabulary lacks.
 */
function brokenMerge({ merges, vocab, continuing_subword_prefix: named }: TokenizerJson) {
  if (!Array.isArray(merges) || !isRecord(vocab)) return undefined;
  const prefix = typeof named === "string" ? named : "";
  for (const merge of merges as unknown[]) {
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(pair) || pair.length !== 2) continue; // the library says so
    const [first, second] = pair.map(String);
    if (!second.startsWith(prefix)) return `a merge with ${second} lacks the prefix ${prefix}`;
    const made = first + second.slice(prefix.length);
    if (!Object.hasOwn(vocab, made)) {
      return `a merge makes ${made.slice(0, SHOWN)}, which the vocabulary lacks`;
    }
  }
  return undefined;
}

function parse(path: string, text: string): TokenizerJson {
  try {
    const json: unknown = JSON.parse(text);
    if (!isRecord(json)) throw new TypeError("it holds no object");
    return json;
  } catch (cause) {
    throw notOne(path, messageOf(cause), cause);
  }
}

function notOne(path: string, why: string, cause: unknown): TokenizerError {
  return new TokenizerError(
    "tokenizer_invalid",
    `${path} is not a tokenizer.json: ${why}`,
    "Use the file that Hugging Face's `tokenizers` saves.",
    cause,
  );
}

function unreadable(path: string, { key, value }: Part, why: string, cause?: unknown) {
  const type = isRecord(value) && typeof value.type === "string" ? ` of type ${value.type}` : "";
  return new TokenizerError(
    "tokenizer_invalid",
    `The ${key}${type} in ${path} cannot be read: ${why}`,
    "Mend that part, or update remdm where a newer `tokenizers` than 0.23 saved the file.",
    cause,
  );
}

/** Returns an error's message without the place, which lies in a text that was made of the file. */
function messageOf(error: unknown): string {
  // A native addon may throw errors of another realm.
  const message = isRecord(error) ? error.message : error;
  return String(message).replace(/ at line \d+ column \d+$/, "");
}
