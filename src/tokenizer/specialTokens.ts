/**
 * Finds which tokens begin and end a text, and which is the mask, in the files that Hugging Face
 * writes beside `tokenizer.json`. The mask is found as `huggingface_vocabulary.py` of the backend
 * finds it.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../foundation/json.ts";
import { isRecord } from "../foundation/checks.ts";
import type { TokenId } from "../sampler/denoiser.ts";
import { TokenizerError } from "./errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface SpecialTokens {
  readonly bosId?: TokenId;
  readonly eosId?: TokenId;
  readonly maskId?: TokenId;
}

/**
 * Returns the tokens that a text begins and ends with, for a sampler. Most models begin a text with
 * the token that ended the last one.
 */
export function textEnds({
  eosId,
  bosId = eosId,
}: Pick<SpecialTokens, "bosId" | "eosId">): Pick<SpecialTokens, "bosId" | "eosId"> {
  return { ...(bosId !== undefined && { bosId }), ...(eosId !== undefined && { eosId }) };
}

/**
 * Collects the tokens that a tokenizer file marks as special, and the tokens that end, begin and
 * mask a text, marked or not.
 */
export function specialIds(
  added: Iterable<{ readonly id: TokenId; readonly special: boolean }>,
  { bosId, eosId, maskId }: SpecialTokens,
): ReadonlySet<TokenId> {
  const marked = [...added].filter(({ special }) => special).map(({ id }) => id);
  return new Set([...marked, bosId, eosId, maskId].filter((id) => id !== undefined));
}

/** Returns the tokens of a tokenizer that are not text. */
export function hiddenTokens({ specialIds: ids, ...ends }: Tokenizer): ReadonlySet<TokenId> {
  return ids ?? specialIds([], ends);
}

/** The usual names of the token that ends a text, for tokenizers whose files do not name it. */
const END_TOKENS = ["<|endoftext|>", "</s>", "<|end_of_text|>", "[SEP]"];

/** The files that name special tokens; the first file that names a token counts. */
const SETTINGS = ["tokenizer_config.json", "special_tokens_map.json"];

/**
 * Reads the files beside a tokenizer.
 * @param idOf looks a token up in the tokenizer's vocabulary.
 * @throws TokenizerError tokenizer_invalid when a file exists and does not hold a JSON object.
 */
export async function readSpecialTokens(
  directory: string,
  idOf: (token: string) => TokenId | undefined,
): Promise<SpecialTokens> {
  const settings = await Promise.all(SETTINGS.map((name) => readObject(join(directory, name))));
  const model = await readObject(join(directory, "config.json"));
  const named = (...keys: string[]): TokenId | undefined =>
    firstOf(keys.flatMap((key) => settings.map((file) => tokenIn(file[key]))).map(idIn(idOf)));
  const bosId = named("bos_token", "cls_token");
  const eosId = named("eos_token", "sep_token") ?? firstOf(END_TOKENS.map(idIn(idOf)));
  const maskId = isId(model.mask_token_id) ? model.mask_token_id : named("mask_token");
  return {
    ...(bosId !== undefined && { bosId }),
    ...(eosId !== undefined && { eosId }),
    ...(maskId !== undefined && { maskId }),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON object that may be absent: then it is empty.
 * @throws TokenizerError tokenizer_invalid when the file exists and does not hold a JSON object.
 */
export async function readObject(path: string): Promise<Fields> {
  if (!existsSync(path)) return {};
  try {
    const json = parseJson(await readFile(path, "utf8"));
    if (!isRecord(json)) throw new TypeError("it holds no object");
    return json;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError(
      "tokenizer_invalid",
      `${path}, which belongs to the tokenizer, cannot be read: ${why}`,
      "Use the file as Hugging Face's libraries save it, or remove it.",
      cause,
    );
  }
}

/** Returns a token's text from its setting, which is the text or a record of it. */
export function tokenIn(value: unknown): string | undefined {
  const content = isRecord(value) ? value.content : value;
  return typeof content === "string" ? content : undefined;
}

function idIn(idOf: (token: string) => TokenId | undefined) {
  return (token: string | undefined) => (token === undefined ? undefined : idOf(token));
}

export function isId(value: unknown): value is TokenId {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function firstOf<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}
