/** Makes the events that tell a step's changes. */
import type { TokenId } from "../denoiser.ts";
import type { Draw } from "../draw/rowSampler.ts";
import type { RemaskedEvent, RevealedEvent } from "../events.ts";
import type { StartOptions } from "../start.ts";

/** The step of a sample, and the position in its text at which its window begins. */
interface Place extends Pick<RevealedEvent, "sample" | "step" | "time"> {
  readonly offset: number;
}

/**
 * @param positions in the window, ascending.
 * @param draws what each of them became.
 */
export function revealed(
  { sample, step, time, offset }: Place,
  positions: ArrayLike<number>,
  draws: readonly Draw[],
): RevealedEvent {
  return {
    type: "revealed",
    ...{ sample, step, time },
    positions: inText(positions, offset),
    tokens: draws.map(({ token }) => token),
    probabilities: draws.map(({ probability }) => probability),
    logProbabilities: draws.map(({ logProbability }) => logProbability),
  };
}

/**
 * @param positions in the window, ascending.
 * @param tokens what stood at each of them.
 */
export function remasked(
  { sample, step, time, offset }: Place,
  positions: ArrayLike<number>,
  tokens: readonly TokenId[],
): RemaskedEvent {
  return {
    type: "remasked",
    ...{ sample, step, time },
    positions: inText(positions, offset),
    tokens,
  };
}

/** Tells which tokens of a draft are masked when a sample begins. @param positions ascending. */
export function draftMasked(
  { tokens, time }: StartOptions,
  sample: number,
  positions: readonly number[],
): RemaskedEvent {
  const drafted = positions.flatMap((position) => tokens.get(position) ?? []);
  return remasked({ sample, step: 0, time, offset: 0 }, positions, drafted);
}

function inText(positions: ArrayLike<number>, offset: number): number[] {
  return Array.from(positions, (position) => position + offset);
}
