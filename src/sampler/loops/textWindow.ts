/**
 * A `TextWindow` is one sample's text as the network sees it: a window of L tokens. It is generated
 * in parts, one after the other. A part is the whole window, or a block of it, right of which
 * everything stays masked (LLaDA, `block_length`), or what the window is when it has moved on and
 * pinned the tokens that it keeps (original: `target` in `sample_subs_guidance`).
 */
import type { TokenId } from "../denoiser.ts";

export interface WindowSettings {
  readonly maskId: TokenId;
  readonly length: number;
  readonly pinned: ReadonlyMap<number, TokenId>;
  /** Number of parts, >= 1. */
  readonly parts: number;
  /** Tokens that the window moves on by between two parts; 0: it stands still. */
  readonly stride: number;
  /** Tokens of a block; undefined: there are no blocks. */
  readonly blockLength: number | undefined;
  /** Where the first block begins. */
  readonly firstBlock: number;
  /** Tokens before the first of which a text ends; none: it ends with its length. */
  readonly endIds: readonly TokenId[];
}

export class TextWindow {
  /** [L] the window as it stands. */
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly #settings: WindowSettings;
  readonly #past: TokenId[];
  #part = 0;
  #free: Int32Array;

  /** @param from a window of the same settings that it begins as; default: the first part. */
  constructor(settings: WindowSettings, from?: TextWindow) {
    const { maskId, length, pinned } = settings;
    this.#settings = settings;
    if (from !== undefined) {
      this.tokens = from.tokens.slice();
      this.#past = [...from.#past];
      this.#part = from.#part;
      this.#free = from.#free;
      return;
    }
    this.#past = [];
    this.tokens = new Int32Array(length).fill(maskId);
    for (const [position, token] of pinned) this.tokens[position] = token;
    this.#free = this.#freeOfPart();
  }

  /** The positions of the part at hand that are not pinned; the others do not change. */
  get free(): Int32Array {
    return this.#free;
  }

  /** Where the part at hand ends in the window: the first position after it. */
  get end(): number {
    const { length, blockLength, firstBlock } = this.#settings;
    return blockLength === undefined
      ? length
      : Math.min(length, firstBlock + (this.#part + 1) * blockLength);
  }

  /** Position in the text of the window's first token. */
  get offset(): number {
    return this.#past.length;
  }

  /** Number of the part at hand; the number of parts at the end. */
  get part(): number {
    return this.#part;
  }

  /** Tells whether every part is generated, or the text has ended in a block. */
  get done(): boolean {
    return this.#part === this.#settings.parts;
  }

  /** Ends the part at hand, and begins the next one if there is one and the text goes on. */
  next(): void {
    if (this.done) return;
    const { parts, stride } = this.#settings;
    this.#part = this.#hasEnded() ? parts : this.#part + 1;
    if (this.#part === parts) return;
    if (stride > 0) this.#slide(stride);
    this.#free = this.#freeOfPart();
  }

  clone(): TextWindow {
    return new TextWindow(this.#settings, this);
  }

  /** The whole text. */
  text(): TokenId[] {
    return [...this.#past, ...this.tokens];
  }

  /** Moves the window on. @param stride in [1, L): as many masks follow. */
  #slide(stride: number): void {
    const { tokens } = this;
    this.#past.push(...tokens.subarray(0, stride));
    tokens.copyWithin(0, stride);
    tokens.fill(this.#settings.maskId, tokens.length - stride);
  }

  /** Tells whether the block at hand has the token that ends a text; the first token ends none. */
  #hasEnded(): boolean {
    const { blockLength, endIds } = this.#settings;
    if (blockLength === undefined) return false;
    return this.#free.some((at) => at > 0 && endIds.includes(this.tokens[at]));
  }

  #freeOfPart(): Int32Array {
    const { length, pinned, stride, blockLength, firstBlock } = this.#settings;
    const positions = Int32Array.from(this.tokens.keys());
    if (stride > 0 && this.#part > 0) return positions.subarray(length - stride);
    const begin = blockLength === undefined ? 0 : firstBlock + this.#part * blockLength;
    return positions.subarray(begin, this.end).filter((position) => !pinned.has(position));
  }
}
