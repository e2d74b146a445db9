/**
 * Puts the texts of the samples under way together, from the events of a run, and marks what lately
 * happened to them.
 */
import type { RunEvent } from "../../program/runTexts.ts";
import { MASK_GLYPH } from "../../tokenizer/tokenizer.ts";

/**
 * What a position is to somebody who watches: given and never changed, revealed or remasked a
 * moment ago, or neither.
 */
export type Mark = "pinned" | "new" | "remasked" | "masked" | "settled";

export interface Cell {
  readonly text: string;
  readonly mark: Mark;
}

export interface Picture {
  readonly sample: number;
  /** [L] */
  readonly cells: readonly Cell[];
}

/** Pictures in which a change is marked. */
const LINGER = 3;

interface Sheet {
  /** [L] */
  readonly pieces: string[];
  /** [L] whether a mask stands there. */
  readonly masked: boolean[];
  /** [L] the last picture in which a change of the position is marked. */
  readonly markedUntil: Int32Array;
}

export class Board {
  readonly #blank: readonly string[];
  readonly #underWay = new Map<number, Sheet>();
  #pictures = 0;

  /** @param blank pieces of a sample that has not begun. */
  constructor(blank: readonly string[]) {
    this.#blank = blank;
  }

  apply(event: RunEvent): void {
    if (event.type === "progress") return;
    if (event.type === "finished") {
      this.#underWay.delete(event.sample);
      return;
    }
    const sheet = this.#sheetOf(event.sample);
    for (const { position, text } of event.pieces) sheet.pieces[position] = text;
    const isWeighted = event.type === "weighted";
    const changed = isWeighted ? event.pieces.map((one) => one.position) : event.positions;
    for (const position of changed) {
      const isMasked = isWeighted ? isMask(sheet.pieces[position]) : event.type === "remasked";
      sheet.masked[position] = isMasked;
      sheet.markedUntil[position] = this.#pictures + LINGER;
    }
  }

  /** Shows the first sample under way. Each call is a picture, so marks fade. */
  picture(): Picture | undefined {
    for (const [sample, sheet] of this.#underWay) {
      this.#pictures++;
      const cells = sheet.pieces.map((text, i) => ({ text, mark: this.#markOf(sheet, i) }));
      return { sample, cells };
    }
    return undefined;
  }

  #markOf({ masked, markedUntil }: Sheet, position: number): Mark {
    if (!isMask(this.#blank[position])) return "pinned";
    const isMarked = this.#pictures <= markedUntil[position];
    if (masked[position]) return isMarked ? "remasked" : "masked";
    return isMarked ? "new" : "settled";
  }

  #sheetOf(sample: number): Sheet {
    const known = this.#underWay.get(sample);
    if (known !== undefined) return known;
    const sheet = {
      pieces: [...this.#blank],
      masked: this.#blank.map(isMask),
      markedUntil: new Int32Array(this.#blank.length).fill(-1),
    };
    this.#underWay.set(sample, sheet);
    return sheet;
  }
}

/** Tells whether a piece is a mask; a blank may part it from what stands before. */
function isMask(piece: string): boolean {
  return piece.endsWith(MASK_GLYPH);
}
