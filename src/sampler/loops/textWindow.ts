/**
 * A `TextWindow` is one sample's text as the network sees it: a window of L tokens. It stands
 * still, unless generation is semi-autoregressive: then it moves on, and the tokens that it keeps
 * are pinned. Original: `target` in `sample_subs_guidance`.
 */
import type { TokenId } from "../denoiser.ts";

export interface WindowSettings {
  readonly maskId: TokenId;
  readonly length: number;
  readonly pinned: ReadonlyMap<number, TokenId>;
}

export class TextWindow {
  /** [L] the window as it stands. */
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly #maskId: TokenId;
  readonly #past: TokenId[] = [];
  #free: Int32Array;

  constructor({ maskId, length, pinned }: WindowSettings) {
    this.#maskId = maskId;
    this.tokens = new Int32Array(length).fill(maskId);
    for (const [position, token] of pinned) this.tokens[position] = token;
    this.#free = this.#positions().filter((position) => !pinned.has(position));
  }

  /** The positions in the window that are not pinned; the others never change. */
  get free(): Int32Array {
    return this.#free;
  }

  /** Position in the text of the window's first token. */
  get offset(): number {
    return this.#past.length;
  }

  /** Moves the window on. @param stride in [1, L): as many masks follow. */
  slide(stride: number): void {
    const { tokens } = this;
    this.#past.push(...tokens.subarray(0, stride));
    tokens.copyWithin(0, stride);
    tokens.fill(this.#maskId, tokens.length - stride);
    this.#free = this.#positions().subarray(tokens.length - stride);
  }

  /** Takes over how a window of the same settings stands. */
  assign(other: TextWindow): void {
    this.tokens.set(other.tokens);
    this.#past.splice(0, this.#past.length, ...other.#past);
    this.#free = other.#free;
  }

  /** The whole text. */
  text(): TokenId[] {
    return [...this.#past, ...this.tokens];
  }

  #positions(): Int32Array {
    return Int32Array.from(this.tokens.keys());
  }
}
