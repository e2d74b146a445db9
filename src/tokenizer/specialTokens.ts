/**
 * Which tokens begin and end a text, and which is the mask: what Hugging Face writes into files beside `tokenizer.json`.
 * The mask is found as `huggingface_vocabulary.py` of the backend finds it.
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

/** The tokens that a text begins and ends with, as a sampler is to know them: most models begin one with the token that ended the last. */
export function textEnds({
  eosId,
  bosId = eosId,
}: Pick<SpecialTokens, "bosId" | "eosId">): Pick<SpecialTokens, "bosId" | "eosId"> {
  return { ...(bosId !== undefined && { bosId }), ...(eosId !== undefined && { eosId }) };
}

/** What a tokenizer file marks as special, and what ends, begins and masks a text whether or not it is marked. */
export function specialIds(
  added: Iterable<{ readonly id: TokenId; readonly special: boolean }>,
  { bosId, eosId, maskId }: SpecialTokens,
): ReadonlySet<TokenId> {
  const marked = [...added].filter(({ special }) => special).map(({ id }) => id);
  return new Set([...marked, bosId, eosId, maskId].filter((id) => id !== undefined));
}

/** The tokens of a tokenizer that are no text. */
export function hiddenTokens({ specialIds: ids, ...ends }: Tokenizer): ReadonlySet<TokenId> {
  return ids ?? specialIds([], ends);
}

/** Names of the token that ends a text, where no file says which it is. */
const END_TOKENS = ["<|endoftext|>", "</s>", "<|end_of_text|>", "[SEP]"];

/** The first that names a token counts. */
const SETTINGS = ["tokenizer_config.json", "special_tokens_map.json"];

/**
 * @param idOf the tokenizer's vocabulary.
 * @throws TokenizerError tokenizer_invalid when a file is there and holds no JSON object.
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

async function readObject(path: string): Promise<Fields> {
  if (!existsSync(path)) return {};
  try {
    const json = parseJson(await readFile(path, "utf8"));
    if (!isRecord(json)) throw new TypeError("it holds no object");
    return json;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError(
      "tokenizer_invalid",
      `${path}, which says what the tokenizer's special tokens are, cannot be read: ${why}`,
      "Use the file as Hugging Face's libraries save it, or remove it.",
      cause,
    );
  }
}

/** A token is named by its text, or by a record of it. */
function tokenIn(value: unknown): string | undefined {
  const content = isRecord(value) ? value.content : value;
  return typeof content === "string" ? content : undefined;
}

function idIn(idOf: (token: string) => TokenId | undefined) {
  return (token: string | undefined) => (token === undefined ? undefined : idOf(token));
}

function isId(value: unknown): value is TokenId {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function firstOf<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}
