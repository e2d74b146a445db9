/** Whether generated words are words: they are looked up in those of a corpus. */

/** Letters (with what combines with them), and apostrophes between letters. */
const WORD = /[\p{L}\p{M}]+(?:['\u2019][\p{L}\p{M}]+)*/gu;
/** Words, numbers, and whatever else shows, a character each. */
const PIECE = /[\p{L}\p{M}]+(?:['\u2019][\p{L}\p{M}]+)*|\p{N}+|\S/gu;
/** As in `<|endoftext|>`. */
const SPECIAL_TOKEN = /<\|\w+\|>/g;
const APOSTROPHES = /['\u2019]/g;

/** Shorter ones are words by chance too often. */
const LEAST_LETTERS = 3;

/**
 * Words as they are compared: case folded, characters composed, one kind of apostrophe. Everything else divides words: "o'er-run" is two.
 * Special tokens like `<|endoftext|>` are none. For a corpus and for samples alike.
 */
export function wordsOf(text: string): string[] {
  const plain = text.replace(SPECIAL_TOKEN, " ");
  const words = plain.normalize("NFC").toLowerCase().match(WORD) ?? [];
  return words.map((word) => word.replaceAll("\u2019", "'"));
}

/**
 * The tokens of texts whose tokenizer is not known: words, numbers and marks, as ids in the order in which they first appeared.
 * One object numbers all texts that are to be compared.
 */
export class WordIds {
  readonly #ids = new Map<string, number>();

  /** @returns one id for each word (as {@link wordsOf} finds them), number, and other visible character. */
  encode(text: string): number[] {
    const pieces = text.normalize("NFC").toLowerCase().match(PIECE) ?? [];
    return pieces.map((piece) => {
      const key = piece.replaceAll("\u2019", "'");
      const id = this.#ids.get(key) ?? this.#ids.size;
      this.#ids.set(key, id);
      return id;
    });
  }
}

/** @returns each word of the texts once. */
export function vocabularyOf(texts: Iterable<string>): Set<string> {
  const words = new Set<string>();
  for (const text of texts) for (const word of wordsOf(text)) words.add(word);
  return words;
}

/** Counts words of three letters and more, and those of them that a vocabulary has. */
export class KnownWords {
  readonly #vocabulary: ReadonlySet<string>;
  #all = 0;
  #known = 0;

  /** @param vocabulary as {@link wordsOf} writes words. */
  constructor(vocabulary: ReadonlySet<string>) {
    this.#vocabulary = vocabulary;
  }

  /** Every word counts, also one that the edge of a text may have cut: the share of real text, cut in the same way, says how many those are. */
  add(text: string): void {
    for (const word of wordsOf(text)) {
      if (word.replace(APOSTROPHES, "").length < LEAST_LETTERS) continue;
      this.#all++;
      if (this.#vocabulary.has(word)) this.#known++;
    }
  }

  /** In [0, 1]; NaN while there is no word. */
  get share(): number {
    return this.#known / this.#all;
  }
}

/** {@link KnownWords} of texts that are all there. */
export function knownWordShare(texts: Iterable<string>, vocabulary: ReadonlySet<string>): number {
  const words = new KnownWords(vocabulary);
  for (const text of texts) words.add(text);
  return words.share;
}
