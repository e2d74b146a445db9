/** Texts that tokenizers read differently where they read differently at all, and the same each time. */

const PIECES: readonly (readonly string[])[] = [
  ["the", "To be, or not to be", "shall", "Hamlet's", "it's", "THEY'LL", "I'VE", "don’t", "naïve"],
  ["café", "Straße", "œuvre", "Łódź", "niño", "Ελλάδα", "ΟΔΟΣ", "ΣΟΦΙΑΣ", "όσος", "Быстрая", "ёж"],
  ["İstanbul", "ılık", "IĞDIR", "ıİiI", "ﬁn", "ﬀ", "ǅ", "ŉ", "ẞ", "ſ", "K", "Å"],
  ["漢字", "かな", "カナ", "한국어", "각", "中文也在这里", "東京は", "ไทยไม่มี", "ภาษา"],
  ["𠀀", "𠮷野家", "𠀀a", "a𠀁b", "𪚥", "𝒜𝔹", "𐐀𐐨", "𞤀", "🀄", "𓀀", "\u{E0041}"],
  ["عربية", "العربيّة", "١٢٣", "עברית", "שָׁלוֹם", "हिन्दी", "क्षि", "१२३", "বাংলা", "தமிழ்"],
  ["e\u0301", "a\u0300\u0323", "\u0301", "o\u0308\u0304", "\u1112\u1161\u11ab", "\u0344", "\u0f73"],
  ["🙂", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "1️⃣", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "☃"],
  ["1", "42", "1234567", "3.14", "1,234", "½", "²³", "Ⅳ", "①", "߁߂", "𝟙𝟚", "0x1F", "12ab34"],
  [
    "?!",
    "...",
    "…",
    "--",
    "—",
    "``",
    "''",
    "«»",
    "“”",
    "!!!???",
    "#$%&",
    "<>",
    "___",
    "|",
    "@@",
    "‚",
  ],
  [
    "a.b",
    "can't.",
    "do not",
    "( x )",
    "n't",
    "'s",
    " 'm",
    " ,",
    " .",
    "$5",
    "a\\b",
    "//",
    "€42,50",
  ],
  [
    "\u0085",
    "\ufeff",
    "\u00a0",
    "\u200b",
    "\u200d",
    "\u2028",
    "\u3000",
    "\u180e",
    "\u00ad",
    "\u2009",
  ],
  [
    "\0",
    "\u0001",
    "\u007f",
    "\u009f",
    "\ufffd",
    "\ue000",
    "\uffff",
    "\u{10ffff}",
    "\u061c",
    "\u202e",
  ],
  [
    " ",
    " ",
    "  ",
    "   ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    " \n ",
    "\n\t",
    "     ",
    "\u000b",
    "\f",
  ],
  ["▁", "▁the", "Ġthe", "Ċ", "##ing", "##", "</w>", "<0x0A>", "<0xE4>", "<unk", "[", "<|"],
];
/** Of whichever family; written into words too. */
const SPECIAL = [
  ["<|endoftext|>", "<|begin_of_text|>", "<|mdm_mask|>", "<|im_start|>", "<|mask|>"],
  ["[UNK]", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "<s>", "</s>", "<unk>", "<pad>", "<mask>"],
  ["<extra_id_0>", "<extra_id_9>", "|||EMAIL_ADDRESS|||", "[mask]", " [MASK]", "<mask> "],
].flat();
const RUNS = [
  "a",
  " ",
  "\n",
  "x y",
  "1",
  "!",
  "é",
  "漢",
  "𠀀",
  "ab",
  "Aa",
  "\ufeff",
  "🙂",
  "'",
  "\u0301",
];

/** Park and Miller's generator: integers below n. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => (state = (state * 48271) % 2147483647) % n;
}

export function generatedIds(count: number, length: number, seed: number, n: number): number[][] {
  const below = numbers(seed);
  return Array.from({ length: count }, () => Array.from({ length }, () => below(n)));
}

export function generatedTexts(count: number, seed: number): string[] {
  const below = numbers(seed);
  const one = <T>(values: readonly T[]): T => values[below(values.length)];
  const piece = (): string => {
    const kind = below(20);
    if (kind === 0) return one(SPECIAL);
    if (kind === 1) return one(RUNS).repeat(1 + below(40));
    if (kind === 2) return String.fromCodePoint(0xa0 + below(0x3000));
    return one(one(PIECES));
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + below(12) }, () => piece() + (below(3) === 0 ? "" : " ")).join(""),
  );
}
