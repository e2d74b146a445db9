/**
 * Divides a text into pieces, one for each token: what the token adds to the text. Joined in order,
 * the pieces are what `decode` returns for the whole sequence. Where the bytes of a character lie
 * in several tokens, the character belongs to the last one.
 *
 * Limitation: Llama 2's decoder makes U+FFFD of every byte in a row that is not all characters, and
 * a decoder with an end-of-word suffix parts words by what follows. There the pieces can differ
 * from the text.
 */
import type { TokenId } from "../sampler/denoiser.ts";
import { MASK_GLYPH, type Tokenizer } from "./tokenizer.ts";

/** Stands for bytes that are not a character, or only the beginning of one. */
const UNFINISHED = "\ufffd";
/** A character has at most four bytes, so the text before the last three tokens is decided. */
const LONGEST_UNDECIDED = 3;

export interface PieceOptions {
  readonly maskId: TokenId;
  /** Tokens that leave no trace in the text. */
  readonly hidden?: ReadonlySet<TokenId>;
}

export class TextPieces {
  readonly #tokenizer: Tokenizer;
  readonly #maskId: TokenId;
  readonly #hidden: ReadonlySet<TokenId>;
  /**
   * The texts of tokens that begin a text, and of tokens that follow another: a blank may tell them
   * apart.
   */
  readonly #first = new Map<TokenId, string>();
  readonly #later = new Map<TokenId, string>();

  constructor(tokenizer: Tokenizer, { maskId, hidden = new Set() }: PieceOptions) {
    this.#tokenizer = tokenizer;
    this.#maskId = maskId;
    this.#hidden = hidden;
  }

  /**
   * Returns the pieces of a sequence.
   * @param ids [L], masks included.
   * @returns [L] pieces; a mask is `▒`, after a blank where the tokenizer parts tokens by blanks.
   * Bytes beside a mask that are not a whole character give nothing yet, because the mask may
   * complete it. Anywhere else they are U+FFFD.
   */
  of(ids: ArrayLike<TokenId>): string[] {
    const tokens = Array.from(ids);
    const pieces: string[] = [];
    let hasBegun = false;
    while (pieces.length < tokens.length) {
      const begin = pieces.length;
      const id = tokens[begin];
      if (id === this.#maskId) {
        pieces.push(hasBegun ? this.#textLater(id) : MASK_GLYPH); // WordPiece parts it by a blank
      } else if (this.#hidden.has(id)) {
        pieces.push("");
        continue;
      } else if (this.#isPart(id)) {
        let end = begin + 1;
        while (end < tokens.length && this.#isPart(tokens[end])) end++;
        pieces.push(...this.#assemble(tokens.slice(begin, end), tokens[begin - 1], tokens[end]));
      } else {
        pieces.push(hasBegun ? this.#textLater(id) : this.#textFirst(id));
      }
      hasBegun = true;
    }
    return pieces;
  }

  /** Whether a token has bytes that are only a part of a character. */
  #isPart(id: TokenId): boolean {
    if (id === this.#maskId || this.#hidden.has(id)) return false;
    return this.#textFirst(id).includes(UNFINISHED);
  }

  /**
   * Assembles characters from neighbouring parts.
   * @param before the token before the parts; a mask may complete a character.
   * @param after the token after the parts, likewise.
   * @returns for each part the text that is decided with it, which may be nothing.
   */
  #assemble(parts: readonly TokenId[], before?: TokenId, after?: TokenId): string[] {
    const textOf = (from: number, to: number): string => {
      const text = this.#tokenizer.decode(parts.slice(from, to));
      return from === 0 && before === this.#maskId ? text.replace(/^\ufffd+/, "") : text;
    };
    const pieces = parts.map(() => "");
    let begin = 0;
    for (const i of parts.keys()) {
      const end = i + 1;
      const text = textOf(begin, end);
      const isDecided = end === parts.length && after !== this.#maskId;
      if (isDecided || (text !== "" && !text.endsWith(UNFINISHED))) {
        pieces[i] = text;
        begin = end;
        continue;
      }
      const split = end - LONGEST_UNDECIDED;
      if (split - begin < LONGEST_UNDECIDED) continue;
      // So many bytes without an end are not a character: all except the last ones are told as they
      // are.
      const head = textOf(begin, split);
      if (head + textOf(split, end) !== text) continue;
      pieces[split - 1] = head;
      begin = split;
    }
    return pieces;
  }

  #textFirst(id: TokenId): string {
    return remembered(this.#first, id, () => this.#tokenizer.decode([id]));
  }

  #textLater(id: TokenId): string {
    return remembered(this.#later, id, () =>
      this.#tokenizer.decode([id, id]).slice(this.#tokenizer.decode([id]).length),
    );
  }
}

function remembered(memory: Map<TokenId, string>, id: TokenId, textOf: () => string): string {
  const known = memory.get(id);
  if (known !== undefined) return known;
  const text = textOf();
  memory.set(id, text);
  return text;
}
