/** The real texts that samples are compared with: as many, as long, and in the model's tokens. Read once for all cells of which that is true. */
import { readReferences } from "../evaluation/referencesFile.ts";
import { Pace } from "../sampler/pace.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Cell } from "./cells.ts";
import type { LoadedModel } from "./services.ts";

export interface References {
  readonly texts: readonly string[];
  /** Token ids in the model's vocabulary, one sequence a text. */
  readonly tokens: readonly ArrayLike<number>[];
}

/** A character costs a tokenizer so many visits of Pace. */
const WORK_PER_CHARACTER = 16;

export class ReferenceShelf {
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<string, References>();

  constructor(path: string, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#signal = signal;
  }

  /** @param ends whether each begins and ends with the end-of-text token. @throws InputError, AbortedError. */
  async for(
    { model, length: given, samples }: Cell,
    { tokenizer, model: { length: whole } }: Pick<LoadedModel, "tokenizer" | "model">,
    ends: boolean,
  ): Promise<References> {
    const length = given ?? whole;
    const key = JSON.stringify([model, length, samples, ends]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const signal = this.#signal;
    const options = { count: samples, length, tokenizer, ends, ...(signal && { signal }) };
    const { texts, tokens } = await readReferences(this.#path, options);
    const own = tokens !== undefined && isOf(tokenizer, texts, tokens);
    const references = { texts, tokens: own ? tokens : await this.#encode(texts, tokenizer) };
    this.#known.set(key, references);
    return references;
  }

  async #encode(texts: readonly string[], tokenizer: Tokenizer): Promise<number[][]> {
    const pace = new Pace(this.#signal);
    const encoded: number[][] = [];
    for (const text of texts) {
      encoded.push(tokenizer.encode(text));
      if (pace.spend(WORK_PER_CHARACTER * text.length)) await pace.rest();
    }
    return encoded;
  }
}

/** Whether tokens that a file brings along are in the vocabulary of this tokenizer: it gives the texts back. */
function isOf(
  tokenizer: Tokenizer,
  texts: readonly string[],
  tokens: readonly ArrayLike<number>[],
): boolean {
  const { vocabSize } = tokenizer;
  return tokens.every((ids, i) => {
    const known = Array.from(ids).every((id) => id < vocabSize);
    return known && tokenizer.decode(ids) === texts[i];
  });
}
