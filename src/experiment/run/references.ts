/**
 * Reads the real texts that samples are compared with: as many, as long, and in the model's tokens.
 * Cells that agree in these share one reading.
 */
import { readReferences } from "../../evaluation/texts/referencesFile.ts";
import { Pace } from "../../foundation/pace.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Cell } from "../file/cell.ts";
import type { LoadedModel } from "./services.ts";

export interface References {
  readonly texts: readonly string[];
  /** Token ids in the model's vocabulary, one sequence a text. */
  readonly tokens: readonly ArrayLike<number>[];
  /** Pieces of the source texts that the model's tokenizer has no token for. */
  readonly unknownPieces: number;
}

/** Work of tokenizing a character, in the unit of {@link Pace}. */
const WORK_PER_CHARACTER = 16;

/** Holds the references of an experiment, read once for each model, length and number. */
export class ReferenceShelf {
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<string, References>();

  constructor(path: string, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#signal = signal;
  }

  /**
   * Gives the references of a cell.
   * @param ends whether each begins and ends with the end-of-text token.
   * @throws InputError, AbortedError.
   */
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
    const { texts, tokens, unknownPieces = 0 } = await readReferences(this.#path, options);
    const own = tokens !== undefined && isOf(tokenizer, texts, tokens);
    const encoded = own ? { tokens, unknownPieces } : await this.#encode(texts, tokenizer);
    const references = { texts, ...encoded };
    this.#known.set(key, references);
    return references;
  }

  async #encode(
    texts: readonly string[],
    tokenizer: Tokenizer,
  ): Promise<Omit<References, "texts">> {
    const pace = new Pace(this.#signal);
    const tokens: number[][] = [];
    let unknownPieces = 0;
    const onUnknown = () => unknownPieces++;
    for (const text of texts) {
      tokens.push(await tokenizer.encode(text, { onUnknown }));
      if (pace.spend(WORK_PER_CHARACTER * text.length)) await pace.rest();
    }
    return { tokens, unknownPieces };
  }
}

/** Tells whether a file's tokens are this tokenizer's: whether they decode to the file's texts. */
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
