/**
 * Says which files of a model's repository are needed: its description, its tokenizer, and its
 * weights as safetensors. Code and pickled weights are never among them.
 */
import { jsonOrNothing, parseJson } from "../../foundation/json.ts";
import { isRecord } from "../../foundation/checks.ts";

export const WEIGHTS = "model.safetensors";
/** Names the files of weights that lie in several. */
export const INDEX = "model.safetensors.index.json";
/** A directory with one of these is a model: of Hugging Face's format, or of ours. */
export const DESCRIPTIONS: readonly string[] = ["config.json", "card.json"];

const SMALL_FILES: readonly string[] = [
  ...DESCRIPTIONS,
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "vocab.txt",
  "merges.txt",
  "tokenizer.model",
  "spiece.model",
  "sentencepiece.bpe.model",
  "chat_template.jinja",
  "chat_template.json",
];

/** The files that are needed, by their names. */
export interface Needed {
  readonly small: readonly string[];
  /** `model.safetensors`, or the index of several files; undefined where there is neither. */
  readonly weights: typeof WEIGHTS | typeof INDEX | undefined;
}

/** Chooses among the names of a repository's files. Other names are never looked at. */
export function neededOf(names: ReadonlySet<string>): Needed {
  return {
    small: SMALL_FILES.filter((name) => names.has(name)),
    weights: names.has(WEIGHTS) ? WEIGHTS : names.has(INDEX) ? INDEX : undefined,
  };
}

/**
 * Returns the names of the files that an index names, each one once; undefined where the text is
 * not an index, or names a file that does not lie beside it.
 */
export function shardsOf(index: string): readonly string[] | undefined {
  const parsed = jsonOrNothing(index, parseJson);
  if (!isRecord(parsed) || !isRecord(parsed.weight_map)) return undefined;
  const names = [...new Set(Object.values(parsed.weight_map))];
  return names.length > 0 && names.every(isShard) ? names : undefined;
}

function isShard(name: unknown): name is string {
  return typeof name === "string" && /^\w[\w.-]*\.safetensors$/.test(name);
}
