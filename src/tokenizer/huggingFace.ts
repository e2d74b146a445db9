/** Tokenizers in the `tokenizer.json` format of Hugging Face. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Tokenizer as HuggingFace } from "@huggingface/tokenizers";
import { parseJson } from "../json.ts";
import { TokenizerError } from "./errors.ts";
import { readSpecialTokens, specialIds } from "./specialTokens.ts";
import { decodeAround, MASK_GLYPH, type Tokenizer } from "./tokenizer.ts";

/**
 * @param path of a `tokenizer.json`; what lies beside it says which of its tokens are special.
 * @throws TokenizerError tokenizer_invalid when the file is missing, no JSON or no tokenizer.
 */
export async function loadHuggingFace(path: string): Promise<Tokenizer> {
  const inner = parse(path, await read(path));
  const ids = [...inner.get_vocab(true).values()];
  const vocabSize = 1 + ids.reduce((max, id) => Math.max(max, id), -1);
  const special = await readSpecialTokens(dirname(path), (token) => inner.token_to_id(token));
  return {
    name: path,
    vocabSize,
    ...special,
    specialIds: specialIds(inner.get_added_tokens_decoder().values(), special),
    encode: (text, { whole = false } = {}) => inner.encode(text, { add_special_tokens: whole }).ids,
    decode: (ids, { mask = MASK_GLYPH } = {}) =>
      decodeAround(
        ids,
        mask,
        (id) => id !== special.maskId && inner.id_to_token(id) !== undefined,
        (run) =>
          inner.decode(run, { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
      ),
  };
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

function parse(path: string, text: string): HuggingFace {
  try {
    const json = parseJson(text);
    if (typeof json !== "object" || json === null) throw new TypeError("it holds no object");
    return new HuggingFace(json, {});
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError(
      "tokenizer_invalid",
      `${path} is not a tokenizer.json: ${why}`,
      "Use the file that Hugging Face's `tokenizers` saves.",
      cause,
    );
  }
}
