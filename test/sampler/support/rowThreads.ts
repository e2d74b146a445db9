/** Threads for a `RowPool` that run in this one, and rows for them. */
import { PhiloxNoise, type TopRow } from "../../../src/sampler/index.ts";
import { PieceDrawer, type Piece } from "../../../src/sampler/draw/workers/piece.ts";
import type { SharedRows } from "../../../src/sampler/draw/workers/sharedRows.ts";
import type { OpenThread } from "../../../src/sampler/draw/workers/thread.ts";
import type { RowTask } from "../../../src/sampler/draw/rowTask.ts";

export const MODEL = { vocabSize: 2000, maskId: 700 };

/** What a thread does with a piece, at the moment when it is sent. */
export type Behaviour = (piece: Piece, shared: SharedRows, drawer: PieceDrawer) => void;

/** Draws all of it before the other thread goes on. */
export const quick: Behaviour = (piece, _shared, drawer) => drawer.draw(piece);

/** Gets no processor. */
export const stalled: Behaviour = () => undefined;

/** Is in the middle of its first row for ever. */
export const stuck: Behaviour = ({ slot }, shared) => void shared.slots[slot].take(0);

/** Draws the first row, and is gone. */
export const halfway: Behaviour = (piece, _shared, drawer) => {
  drawer.draw({ ...piece, rows: piece.rows.slice(0, 1) });
};

export class FakeThreads {
  /** Pieces that were sent. */
  readonly pieces: Piece[] = [];
  /** Ends of the threads that were opened; each may be called at any time. */
  readonly ends: ((cause?: unknown) => void)[] = [];
  /** How many rows the threads have drawn. */
  drawn = 0;
  /** How many were ended by the pool. */
  ended = 0;
  readonly #behaviour: Behaviour;

  constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
  }

  readonly open: OpenThread = (shared, onEnd) => {
    const drawer = new PieceDrawer(shared);
    this.ends.push(onEnd);
    shared.begin();
    return {
      send: (piece) => {
        this.pieces.push(piece);
        this.#behaviour(piece, shared, drawer);
        const slot = shared.slots[piece.slot];
        this.drawn += piece.rows.filter((_, i) => slot.drawOf(i) !== undefined).length;
      },
      end: async () => {
        this.ended++;
        onEnd();
      },
    };
  };
}

/** A row of logits in which each token has a chance. */
export function wholeRow(number: number): Float32Array {
  const noise = new PhiloxNoise(99n);
  return Float32Array.from({ length: MODEL.vocabSize }, (_, id) => {
    return id === MODEL.maskId ? 50 : 6 * noise.position(number, 0, id);
  });
}

/** A top row that lists all tokens, so that any rule finds what it needs. */
export function topRow(number: number): TopRow {
  const row = wholeRow(number);
  const ids = Int32Array.from(row.keys()).filter((id) => id !== MODEL.maskId);
  const logits = Float32Array.from(ids, (id) => row[id]);
  const logMass = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return { ids, logits, rest: 0, logMass };
}

/** Tasks for rows; each third takes the likeliest token. */
export function tasksOf(rows: readonly RowTask["row"][]): RowTask[] {
  return rows.map((row, i) => {
    const at = { sample: i % 5, particles: 1, step: 3, position: i };
    return { row, at, likeliest: i % 3 === 2 };
  });
}
