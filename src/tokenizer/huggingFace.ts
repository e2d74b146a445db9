/** Loads tokenizers in the formats of Hugging Face. */
import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { TokenizerError } from "./errors.ts";
import { readSpecialTokens } from "./specialTokens.ts";
import { readTokenizer } from "./rust.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { readVocabularyFiles, VOCABULARY } from "./vocabularyFiles.ts";

/**
 * Loads the tokenizer of a file.
 * @param path the path of a `tokenizer.json`, or of a `vocab.json` with `merges.txt` beside it;
 * files beside it say which of its tokens are special.
 * @throws TokenizerError tokenizer_invalid when the file is missing, is not JSON or not a
 * tokenizer, or has a part that cannot be read.
 */
export async function loadHuggingFace(path: string): Promise<Tokenizer> {
  const text = await (basename(path) === VOCABULARY ? readVocabularyFiles(path) : read(path));
  return readTokenizer(path, text, (idOf) => readSpecialTokens(dirname(path), idOf));
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new TokenizerError(
      "tokenizer_invalid",
      `The tokenizer ${path} cannot be read`,
      "Name a tokenizer.json, the directory that it lies in, or gpt2.",
      cause,
    );
  }
}
