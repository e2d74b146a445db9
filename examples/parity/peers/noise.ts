/** The random numbers of a recorded run, as the noise of ours: each has its address. */
import { TorchGenerator, type NoiseSource, type TokenId } from "remdm/sampler";
import { hashRow, sequenceKey } from "./hashNetwork.ts";
import { askedTexts, type PeerCase, type PeerDraw } from "./recordings.ts";

/**
 * Replays the random numbers of a run.
 * @returns for each call, in order, its draws in order: the numbers of each, row-major.
 */
export function peerNoise(run: PeerCase): readonly (readonly Float64Array[])[] {
  const generator = new TorchGenerator(BigInt(run.seed));
  const { calls, drawsEachCall = [] } = run;
  const draws = run.draws ?? Array.from({ length: calls }, () => drawsEachCall);
  return draws.map((call) => call.map((draw) => numbersOf(draw, generator)));
}

/**
 * Turns a number of a peer's noise into the uniform u of our draw, which is the argmin over the
 * tokens of -log1p(-u) / exp(logit / T).
 */
export function uniformOf({ of }: Pick<PeerDraw, "of">, drawn: number): number {
  return of === "rand" ? 1 - drawn : -Math.expm1(-drawn);
}

function numbersOf(draw: PeerDraw, generator: TorchGenerator): Float64Array {
  const { of, dtype, shape, values } = draw;
  if (values !== undefined) {
    const { buffer } = Uint8Array.from(Buffer.from(values, "base64"));
    return Float64Array.from(
      dtype === "float32" ? new Float32Array(buffer) : new Float64Array(buffer),
    );
  }
  const length = shape.reduce((product, size) => product * size, 1);
  if (of === "randint") {
    generator.skip32(length);
    return new Float64Array();
  }
  const next = () => (dtype === "float32" ? generator.float32() : generator.float64());
  return Float64Array.from({ length }, next);
}

export interface Replayed {
  /** Which of a call's draws has the noise of tokens, [L, V]. */
  readonly tokens?: number | undefined;
  /** Which of them has the noise of positions, [L]. */
  readonly positions?: number;
  /** Whether the noise is what `torch.multinomial` divides by. Otherwise it is uniform. */
  readonly exponential?: boolean;
  /** What is added to a uniform number and to the negative of its logarithm. */
  readonly smallest?: number;
}

/** Replays noise that has a number for each position, revealed ones too. */
export function noiseOf(
  run: PeerCase,
  { tokens, positions, exponential = false, smallest = 0 }: Replayed,
): NoiseSource {
  const drawn = peerNoise(run);
  const numberAt = (step: number, which: number | undefined, at: number): number => {
    const value = which === undefined ? undefined : drawn.at(step)?.at(which)?.at(at);
    if (value === undefined) throw new Error(`no noise in call ${step}`);
    return value;
  };
  const isUniform = (step: number, which: number): boolean => {
    return (run.draws?.[step] ?? run.drawsEachCall ?? []).at(which)?.of === "rand";
  };
  return {
    position: (_, step, position) => {
      if (positions === undefined || drawn.at(step)?.at(positions) === undefined) return 0.5;
      const value = numberAt(step, positions, position);
      return isUniform(step, positions) ? value : Math.exp(-value);
    },
    token: (_, step, position, token) => {
      const value = numberAt(step, tokens, position * run.vocabSize + token);
      const race = exponential ? value : smallest - Math.log(value + smallest);
      return -Math.expm1(-race);
    },
  };
}

/** Replays noise that has a number for each mask. */
export function maskNoise(run: PeerCase): NoiseSource {
  const drawn = peerNoise(run);
  const { maskId } = run;
  const asked = askedTexts(run);
  return {
    position: (_, step, position) => {
      const before = asked[step].slice(0, position);
      const rank = before.filter((token) => token === maskId).length;
      const value = drawn.at(step)?.at(0)?.at(rank);
      if (value === undefined) throw new Error(`no noise of mask ${rank} in call ${step}`);
      return value;
    },
    token: () => {
      throw new Error("nothing is drawn");
    },
  };
}

/**
 * Counts steps by the calls of a run that asks in every step: the last step of a block is followed
 * by a number that no call has, the final noise removal's.
 */
export function eachCall(noise: NoiseSource): NoiseSource {
  const calls = new Map<number, number>();
  const callOf = (step: number): number => {
    const call = calls.get(step) ?? calls.size;
    calls.set(step, call);
    return call;
  };
  return {
    position: (sample, step, position) => noise.position(sample, callOf(step), position),
    token: (sample, step, position, token) => noise.token(sample, callOf(step), position, token),
  };
}

/** What MDLM and what comes from it add to a uniform number and to its logarithm. */
export const MDLM_SMALLEST = 1e-10;

/**
 * Replays a draw of MDLM's kind, which races the mask against the tokens, as two draws: whether the
 * position changes, and to which token. The tokens have waits e_v / p_v, the shortest of which is
 * E; the mask has e_mask. With chance u of a reveal the tokens win where E / u < e_mask / (1 - u),
 * which is where E / (E + e_mask), uniform in [0, 1), is below u. A remask goes the same way.
 * @param calls for each step of ours, the call whose numbers it takes; undefined: nothing happens.
 */
export function raceNoise(run: PeerCase, calls: readonly (number | undefined)[]): NoiseSource {
  const drawn = peerNoise(run);
  const asked = askedTexts(run);
  const { vocabSize, maskId } = run;
  const waitOf = (call: number, position: number, token: TokenId): number => {
    const value = drawn
      .at(call)
      ?.at(0)
      ?.at(position * vocabSize + token);
    if (value === undefined) throw new Error(`no noise in call ${call}`);
    return MDLM_SMALLEST - Math.log(value + MDLM_SMALLEST);
  };
  return {
    position: (_, step, position) => {
      const call = calls[step];
      if (call === undefined) return 1 - Number.EPSILON;
      const wait = (token: TokenId) => waitOf(call, position, token);
      const mask = wait(maskId);
      const token = asked[call][position];
      if (token !== maskId) return mask / (mask + wait(token));
      const first = shortestWait(hashRow(run, sequenceKey(asked[call]), position), maskId, wait);
      return first / (first + mask);
    },
    token: (_, step, position, token) => {
      const call = calls[step];
      if (call === undefined) throw new Error(`step ${step} reveals nothing`);
      return -Math.expm1(-waitOf(call, position, token));
    },
  };
}

/** Returns the shortest of the waits e_v / p_v. @param row [V] logits. */
function shortestWait(
  row: Float32Array,
  maskId: TokenId,
  wait: (token: TokenId) => number,
): number {
  const weights = Array.from(row, (logit, token) => (token === maskId ? 0 : Math.exp(logit)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Math.min(...weights.map((weight, token) => (wait(token) * total) / weight));
}

/** Replays first hitting: when an event comes, which mask it reveals, and what that becomes. */
export function eventNoise(run: PeerCase): NoiseSource {
  const { events = [], length, options } = run;
  const block = Number(options.block_size);
  const tokens = noiseOf(run, { tokens: 0, smallest: MDLM_SMALLEST });
  return {
    // Token noise is drawn for a block at a time.
    token: (sample, step, position, token) => tokens.token(sample, step, position % block, token),
    position: (_, step, position) => {
      const event = events.at(step);
      // After the last event the loop asks whether another one comes.
      if (event === undefined) return 0.5;
      // By the addresses of `NoiseSource`: the wait, whether it is a remask, and which position.
      const numbers = [1 - event.uniform, 0.5, (event.rank + 0.5) / event.masks];
      return numbers[position - length];
    },
  };
}
