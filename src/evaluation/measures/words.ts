/** Looks up generated words in the vocabulary of a corpus. */
import type { TextMeasure } from "./measure.ts";

/** A character costs so many visits of Pace. */
const WORK_PER_CHARACTER = 16;

export const knownWords: TextMeasure<number | undefined> = {
  ofReferences: true,
  async measure(texts, { vocabulary, watch }) {
    if (vocabulary === undefined) return undefined;
    const { pace, onProgress } = watch("words");
    const words = new KnownWords(vocabulary);
    for (const [i, text] of texts.entries()) {
      words.add(text);
      if (pace.spend(WORK_PER_CHARACTER * text.length)) await pace.rest();
      onProgress(i + 1, texts.length);
    }
    return Number.isNaN(words.share) ? undefined : words.share;
  },
};

/** Matches letters, with what combines with them, and apostrophes between letters. */
const WORD = /[\p{L}\p{M}]+(?:['\u2019][\p{L}\p{M}]+)*/gu;
/** Matches words, numbers, and every other visible character by itself. */
const PIECE = /[\p{L}\p{M}]+(?:['\u2019][\p{L}\p{M}]+)*|\p{N}+|\S/gu;
/** Matches special tokens such as `<|endoftext|>`. */
const SPECIAL_TOKEN = /<\|\w+\|>/g;
const APOSTROPHES = /['\u2019]/g;

/** Letters of the shortest word that counts; shorter ones are words by chance too often. */
const LEAST_LETTERS = 3;

/**
 * Returns the words of a text as they are compared: case folded, characters composed, one kind of
 * apostrophe. Everything else divides words: "o'er-run" is two. Special tokens such as
 * `<|endoftext|>` are left out. A corpus and samples are read alike.
 */
export function wordsOf(text: string): string[] {
  const plain = text.replace(SPECIAL_TOKEN, " ");
  const words = plain.normalize("NFC").toLowerCase().match(WORD) ?? [];
  return words.map((word) => word.replaceAll("\u2019", "'"));
}

/**
 * Makes tokens of texts whose tokenizer is not known: words, numbers and marks get ids in the order
 * in which they first appear. One object numbers all texts that are to be compared.
 */
export class WordIds {
  readonly #ids = new Map<string, number>();

  /** Returns one id for each word (see {@link wordsOf}), number, and other visible character. */
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

/** Returns each word of the texts once. */
export function vocabularyOf(texts: Iterable<string>): Set<string> {
  const words = new Set<string>();
  for (const text of texts) for (const word of wordsOf(text)) words.add(word);
  return words;
}

/** Counts words of three letters and more, and how many of them a vocabulary has. */
export class KnownWords {
  readonly #vocabulary: ReadonlySet<string>;
  #all = 0;
  #known = 0;

  /** @param vocabulary words as {@link wordsOf} writes them. */
  constructor(vocabulary: ReadonlySet<string>) {
    this.#vocabulary = vocabulary;
  }

  /**
   * Counts every word, also one that the edge of a text may have cut: the share of real text that
   * was cut in the same way says how often this happens.
   */
  add(text: string): void {
    for (const word of wordsOf(text)) {
      if (word.replace(APOSTROPHES, "").length < LEAST_LETTERS) continue;
      this.#all++;
      if (this.#vocabulary.has(word)) this.#known++;
    }
  }

  /** Known words over all words, in [0, 1]; NaN while there is no word. */
  get share(): number {
    return this.#known / this.#all;
  }
}

/** Returns the share of {@link KnownWords} for all texts at once. */
export function knownWordShare(texts: Iterable<string>, vocabulary: ReadonlySet<string>): number {
  const words = new KnownWords(vocabulary);
  for (const text of texts) words.add(text);
  return words.share;
}
