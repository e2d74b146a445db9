/**
 * Computes the likelihood of an answer given a prompt: exactly for `ar` models, as a lower bound
 * for masked ones. The bound is that of a decoder in random order:
 *
 *     log p(y | x) >= E_l E_M [ L / l * sum over i in M of log p(y_i | x, y without M) ]
 *
 * with l uniform in 1..L and M a uniform set of l of the answer's L positions, which are masked;
 * the prompt never is. Source: LLaDA (arXiv 2502.09992), its conditional likelihood,
 * and `get_log_likelihood` of its code.
 */
import { RemdmError } from "../../foundation/errors.ts";
import type { Denoiser, TokenId } from "../../sampler/denoiser.ts";
import { askStatistics, stack } from "../../sampler/loops/question.ts";
import { networkSigma } from "../../sampler/schedule.ts";

export interface LikelihoodBound {
  /** Nats: the log-likelihood (`ar`), or its lower bound; -Infinity where a token is impossible. */
  readonly value: number;
  /** Of the estimate of the bound; 0 where it is exact, NaN for a single sample. */
  readonly standardError: number;
}

export interface LikelihoodOptions {
  /** Sets of masked positions that are drawn; the bound is exact if there are no more sets. */
  readonly samples: number;
  /** Gives the numbers in [0, 1) that draw the sets. */
  readonly noise: SetNoise;
  /** Sequences in one forward call. */
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
}

export interface SetNoise {
  /** Where in 1..L the sizes of the sets begin. */
  start(): number;
  position(set: number, position: number): number;
}

/**
 * Computes the log-likelihood of an answer.
 * @param denoiser of kind `mdlm` or `ar`.
 * @param prompt tokens without the one that begins an `ar` text; one at least, where there is none.
 * @param answer tokens, one at least.
 * @throws AbortedError; RemdmError `denoiser_invalid`; what the denoiser throws.
 */
export async function likelihoodOf(
  denoiser: Denoiser,
  prompt: readonly TokenId[],
  answer: readonly TokenId[],
  options: LikelihoodOptions,
): Promise<LikelihoodBound> {
  const { kind, blockLength } = denoiser.model;
  if (kind === "ar") return exactLikelihood(denoiser, prompt, answer, options);
  return blockLength === undefined
    ? boundOf(denoiser, prompt, answer, options)
    : boundByBlocks(denoiser, prompt, answer, { ...options, blockLength });
}

async function boundOf(
  denoiser: Denoiser,
  prompt: readonly TokenId[],
  answer: readonly TokenId[],
  options: LikelihoodOptions,
): Promise<LikelihoodBound> {
  return 2 ** answer.length - 1 <= options.samples
    ? exactBound(denoiser, prompt, answer, options)
    : estimatedBound(denoiser, prompt, answer, options);
}

/**
 * The bound of a network with blocks of its own (BD3-LM): each block is decoded in random order,
 * after the blocks before it.
 */
async function boundByBlocks(
  denoiser: Denoiser,
  prompt: readonly TokenId[],
  answer: readonly TokenId[],
  { blockLength, ...options }: LikelihoodOptions & { readonly blockLength: number },
): Promise<LikelihoodBound> {
  const { noise } = options;
  const bounds: LikelihoodBound[] = [];
  for (let at = 0, end = 0; at < answer.length; at = end) {
    const block = Math.floor((prompt.length + at) / blockLength);
    end = Math.min(answer.length, (block + 1) * blockLength - prompt.length);
    const begin = at;
    const before = [...prompt, ...answer.slice(0, begin)];
    const own = {
      start: () => noise.start(),
      position: (set: number, position: number) => noise.position(set, begin + position),
    };
    const piece = answer.slice(begin, end);
    bounds.push(await boundOf(denoiser, before, piece, { ...options, noise: own }));
  }
  return {
    value: sum(bounds.map(({ value }) => value)),
    standardError: Math.hypot(...bounds.map(({ standardError }) => standardError)),
  };
}

/** The likelihood of an `ar` model, from one forward call. */
async function exactLikelihood(
  denoiser: Denoiser,
  prompt: readonly TokenId[],
  answer: readonly TokenId[],
  { signal }: LikelihoodOptions,
): Promise<LikelihoodBound> {
  const { bosId } = denoiser.model;
  const begun = bosId === undefined ? prompt : [bosId, ...prompt];
  const tokens = Int32Array.from([...begun, ...answer.slice(0, -1)]);
  const rows = Int32Array.from(answer, (_, i) => begun.length - 1 + i);
  const request = {
    ...{ batch: 1, length: tokens.length, tokens, sigma: new Float32Array(1), rows },
    ...{ statistics: ["given"] as const, given: Int32Array.from(answer) },
  };
  const logs = checked(await askStatistics(denoiser, request, signal));
  return { value: sum(logs), standardError: 0 };
}

/** The bound by the sets of positions, of which each has its chance. */
async function exactBound(
  denoiser: Denoiser,
  prompt: readonly TokenId[],
  answer: readonly TokenId[],
  options: LikelihoodOptions,
): Promise<LikelihoodBound> {
  const L = answer.length;
  const sets = Array.from({ length: 2 ** L - 1 }, (_, i) =>
    answer.flatMap((_, position) => (((i + 1) >> position) & 1 ? [position] : [])),
  );
  const sums = await sumsOf(denoiser, prompt, answer, sets, options);
  // A set of size l has the chance 1 / L / binomial(L, l), and the weight L / l.
  const terms = sets.map(({ length: l }, i) => sums[i] / (l * binomial(L, l)));
  return { value: sum(terms), standardError: 0 };
}

/**
 * The bound by drawn sets. Their sizes are spread evenly over 1..L, as LLaDA's are, so a drawn set
 * tells nothing of the others' error: neighbours by size do, whose squared differences make the
 * standard error (Wolter 2007, successive differences), which is a little too large where the terms
 * have a trend.
 */
async function estimatedBound(
  denoiser: Denoiser,
  prompt: readonly TokenId[],
  answer: readonly TokenId[],
  options: LikelihoodOptions,
): Promise<LikelihoodBound> {
  const { samples, noise } = options;
  const L = answer.length;
  const start = noise.start();
  const sets = Array.from({ length: samples }, (_, j) => {
    const size = 1 + Math.floor(((start + j / samples) % 1) * L);
    const drawn = answer.map((_, position) => ({ position, u: noise.position(j, position) }));
    drawn.sort((a, b) => a.u - b.u);
    return drawn.slice(0, size).map(({ position }) => position);
  });
  const sums = await sumsOf(denoiser, prompt, answer, sets, options);
  const terms = sets
    .map(({ length: l }, j) => ({ l, term: (L / l) * sums[j] }))
    .sort((a, b) => a.l - b.l)
    .map(({ term }) => term);
  const steps = terms.slice(1).map((term, j) => (term - terms[j]) ** 2);
  return {
    value: sum(terms) / samples,
    standardError: Math.sqrt(sum(steps) / (2 * samples * (samples - 1))),
  };
}

/**
 * Returns, for each set of the answer's positions, the sum of the log-probabilities of their tokens
 * where all of them are masked. A set that was drawn twice is asked about once.
 */
async function sumsOf(
  denoiser: Denoiser,
  prompt: readonly TokenId[],
  answer: readonly TokenId[],
  sets: readonly (readonly number[])[],
  { batchSize, signal }: LikelihoodOptions,
): Promise<number[]> {
  const sorted = sets.map((set) => [...set].sort((a, b) => a - b));
  const keys = sorted.map((set) => set.join());
  const distinct = [...new Map(sorted.map((set, i) => [keys[i], set]))];
  const found = new Map<string, number>();
  for (let at = 0; at < distinct.length; at += batchSize) {
    const batch = distinct.slice(at, at + batchSize);
    const logs = await logsOf(
      denoiser,
      prompt,
      answer,
      batch.map(([, set]) => set),
      signal,
    );
    batch.forEach(([key], b) => found.set(key, sum(logs[b])));
  }
  return keys.map((key) => found.get(key) ?? Number.NaN);
}

/** Asks about the masked positions of several sets in one call. */
async function logsOf(
  denoiser: Denoiser,
  prompt: readonly TokenId[],
  answer: readonly TokenId[],
  sets: readonly (readonly number[])[],
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  const whole = [...prompt, ...answer];
  const { length } = whole;
  const first = prompt.length;
  const sequences = sets.map((set) => {
    const tokens = Int32Array.from(whole);
    for (const position of set) tokens[first + position] = denoiser.model.maskId;
    return tokens;
  });
  const request = {
    ...{ batch: sets.length, length, tokens: stack(sequences) },
    sigma: Float32Array.from(sets, (set) => networkSigma(set.length / answer.length)),
    rows: Int32Array.from(sets.flatMap((set, b) => set.map((at) => b * length + first + at))),
    statistics: ["given"] as const,
    given: Int32Array.from(sets.flatMap((set) => set.map((at) => answer[at]))),
  };
  const logs = checked(await askStatistics(denoiser, request, signal));
  let at = 0;
  return sets.map((set) => logs.subarray(at, (at += set.length)));
}

/** Refuses rows that are no distribution. */
function checked(logs: Float32Array): Float32Array {
  if (!logs.some(Number.isNaN)) return logs;
  throw new RemdmError("The network gave a row that is no distribution, with NaN or infinity", {
    code: "denoiser_invalid",
    remedy: "Use weights that are finite; with --dtype bfloat16, try float32.",
  });
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

function binomial(n: number, k: number): number {
  let product = 1;
  for (let i = 1; i <= k; i++) product = (product * (n - k + i)) / i;
  return product;
}
