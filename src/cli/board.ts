/** The tokens of the samples under way, put together from the events of a run. */
import type { SamplerEvent } from "../sampler/events.ts";

export interface BoardOptions {
  readonly length: number;
  readonly maskId: number;
  /** Tokens that every sample begins with. */
  readonly beginning: readonly number[];
}

export interface Forming {
  readonly sample: number;
  /** [L] with masks. */
  readonly tokens: Int32Array;
}

export class Board {
  readonly #blank: Int32Array;
  readonly #maskId: number;
  readonly #underWay = new Map<number, Int32Array>();

  constructor({ length, maskId, beginning }: BoardOptions) {
    this.#maskId = maskId;
    this.#blank = new Int32Array(length).fill(maskId);
    this.#blank.set(beginning);
  }

  apply(event: SamplerEvent): void {
    switch (event.type) {
      case "revealed": {
        const tokens = this.#tokensOf(event.sample);
        event.positions.forEach((position, i) => {
          tokens[position] = event.tokens[i];
        });
        break;
      }
      case "remasked": {
        const tokens = this.#tokensOf(event.sample);
        for (const position of event.positions) tokens[position] = this.#maskId;
        break;
      }
      case "finished":
        this.#underWay.delete(event.sample);
        break;
      case "progress":
        break;
    }
  }

  /** The first of those under way: the one to look at. */
  get current(): Forming | undefined {
    for (const [sample, tokens] of this.#underWay) return { sample, tokens };
    return undefined;
  }

  #tokensOf(sample: number): Int32Array {
    const known = this.#underWay.get(sample) ?? this.#blank.slice();
    this.#underWay.set(sample, known);
    return known;
  }
}
