/** What a recorded run of a published sampler is in our words, or why it cannot be said. */
import type { NoiseSource, SamplerOptions, Strategy, TokenId } from "remdm/sampler";

/** A run in our words. */
export interface OurRun {
  readonly options: Omit<SamplerOptions, "strategy" | "pinned" | "length"> & {
    readonly strategy: Strategy;
  };
  /** Noise of the tokens and of the positions; absent: nothing is drawn. */
  readonly noise?: NoiseSource;
  /** Whether the network was trained to judge revealed tokens. */
  readonly judgesRevealed?: boolean;
  /** Whether the strategy asks nothing in a step that reveals nothing; the published code asks. */
  readonly asksForRevealsOnly?: boolean;
  /** Tokens of the blocks of a network that is causal over them. */
  readonly blockLength?: number;
  /** The token that ends the run with the block that has it. */
  readonly endId?: TokenId;
  /** Weight of guidance: the rows are `(weight + 1) l_c - weight l_u`. */
  readonly guidance?: number;
  /** Tokens whose logit is -Infinity. */
  readonly banned?: readonly TokenId[];
  /** Pairs of numbers, theirs and ours, that are known before the run: chances of its steps. */
  readonly chances?: readonly NumberPair[];
  /** Times at which the published run revealed something. */
  readonly times?: readonly number[];
}

export interface NumberPair {
  readonly theirs: number;
  readonly ours: number;
}

/** Why a recorded run cannot be said in our words. */
export type Reason =
  | "blocks without what follows"
  | "the confidence of a cut or tempered row"
  | "an order that is not built"
  | "steps beside a threshold"
  | "a quirk that is not copied"
  | "masks are left"
  | "the last step of a third"
  | "a last step that draws"
  | "steps in which time stands still"
  | "no mask token";

/** Options by their published names. */
export type Options = Readonly<Record<string, unknown>>;

/** @returns [n] float32 numbers, as `torch.linspace` rounds them. */
export function linspace(from: number, to: number, n: number): number[] {
  const step = Math.fround((to - from) / (n - 1));
  return Array.from({ length: n }, (_, i) => {
    return Math.fround(i < n / 2 ? from + i * step : to - (n - 1 - i) * step);
  });
}

export function number(options: Options, name: string): number {
  const value = options[name];
  if (typeof value !== "number") throw new Error(`${name} is ${String(value)}`);
  return value;
}
