/**
 * Cuts text into pieces as long as samples, as language models are trained on them. Original:
 * `_group_texts` in `dataloader.py`.
 */
import { Pace } from "../../foundation/pace.ts";
import type { TokenId } from "../../sampler/denoiser.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { InputError } from "../errors.ts";
import { WORK_PER_CHARACTER } from "./tokenSequences.ts";

export interface WindowOptions {
  /** How many windows are made at most; they are spread evenly over the text, without overlap. */
  readonly count: number;
  /** Tokens of a window. */
  readonly length: number;
  readonly tokenizer: Tokenizer;
  /** Whether each document ends with the end-of-text token, where the tokenizer has one. */
  readonly joined: boolean;
  /** Whether each window begins and ends with that token, instead of two tokens of the text. */
  readonly ends: boolean;
  readonly signal?: AbortSignal;
  /** Receives how many characters are tokenized, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Windows {
  /**
   * Pieces of the documents that the tokenizer has no token for; absent where it knows every piece.
   */
  readonly unknownPieces?: number;
  readonly texts: readonly string[];
  readonly tokens: readonly (readonly TokenId[])[];
}

/** How many characters the tokenizer gets at a time. */
const PIECE = 2 ** 16;

/**
 * Cuts documents that follow each other into windows.
 * @param path names the file in messages.
 * @param documents A window begins anywhere in one, and may reach into the next.
 * @throws InputError when there are fewer tokens than one window needs; AbortedError.
 */
export async function windowsOf(
  path: string,
  documents: readonly string[],
  options: WindowOptions,
): Promise<Windows> {
  const { count, length, tokenizer } = options;
  const end = options.ends && length > 2 && tokenizer.eosId !== undefined ? [tokenizer.eosId] : [];
  let unknownPieces = 0;
  const stream = await streamOf(documents, options, () => unknownPieces++);
  const inner = length - 2 * end.length;
  const most = Math.min(count, Math.floor(stream.length / inner));
  if (most === 0) {
    throw new InputError(
      path,
      `has ${stream.length} tokens, fewer than one sample (${length})`,
      "Name a longer text, as long as all samples together at best.",
    );
  }
  const last = stream.length - inner;
  const tokens = Array.from({ length: most }, (_, i) => {
    const start = most === 1 ? 0 : Math.floor((i * last) / (most - 1));
    return [...end, ...stream.subarray(start, start + inner), ...end];
  });
  const texts = tokens.map((ids) => tokenizer.decode(ids));
  return { texts, tokens, ...(unknownPieces > 0 && { unknownPieces }) };
}

async function streamOf(
  documents: readonly string[],
  { tokenizer, joined, signal, onProgress }: WindowOptions,
  onUnknown: () => void,
): Promise<Int32Array> {
  const pace = new Pace(signal);
  const total = documents.reduce((sum, { length }) => sum + length, 0);
  const portions: Int32Array[] = []; // a corpus has more tokens than an array of JavaScript can hold
  let done = 0;
  for (const document of documents) {
    for (const piece of piecesOf(document)) {
      portions.push(Int32Array.from(await tokenizer.encode(piece, { onUnknown })));
      done += piece.length;
      onProgress?.(done, total);
      if (pace.spend(WORK_PER_CHARACTER * piece.length)) await pace.rest();
    }
    if (joined && tokenizer.eosId !== undefined) portions.push(Int32Array.of(tokenizer.eosId));
  }
  pace.checkAborted();
  const stream = new Int32Array(portions.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const portion of portions) {
    stream.set(portion, at);
    at += portion.length;
  }
  return stream;
}

/**
 * Cuts a document after line breaks, so that no word is cut; a text without line breaks is cut
 * anywhere.
 */
function* piecesOf(document: string): Generator<string, void, void> {
  for (let start = 0; start < document.length;) {
    const cut = document.indexOf("\n", start + PIECE);
    const end = cut < 0 || cut > start + 2 * PIECE ? start + 2 * PIECE : cut + 1;
    yield document.slice(start, end);
    start = end;
  }
}
