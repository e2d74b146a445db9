/**
 * Perplexity of a set of texts, from the likelihoods that a judge gives them (section 5 of arXiv
 * 2503.00307). Original: `gen_ppl_metric` in `diffusion.py`.
 */
import type { Likelihood } from "../judge/textJudge.ts";
import type { JudgeMeasure } from "./measure.ts";

export interface Perplexity {
  /**
   * exp(nats / tokens), both summed over all texts: long texts weigh more. NaN when no token
   * counts.
   */
  readonly value: number;
  /** The error of `value`; NaN for fewer than two texts. */
  readonly standardError: number;
  /** Tokens of the judge that counted, in all texts together. */
  readonly tokens: number;
  /** Pieces of the texts that the judge has no token for; absent where it knows every piece. */
  readonly unknownPieces?: number;
}

/** Perplexity, and which judge found it. */
export interface GenerativePerplexity extends Perplexity {
  /** The judge's name. */
  readonly judge: string;
}

export const genPpl: JudgeMeasure<GenerativePerplexity> = {
  name: "Perplexity",
  plan: ({ texts, what }) => ({
    isNamed: true, // a judge is given in order to judge
    async run(judge, call) {
      const likelihoods = await judge.likelihoods(texts, call(`perplexity of the ${what}`));
      return { ...perplexityOf(likelihoods), judge: judge.name };
    },
  }),
};

/**
 * Computes perplexity and its standard error.
 *
 * The error follows from the spread over texts, because texts are independent and their tokens are
 * not. Nats a token is a ratio r of two sums, so by the delta method var(r) = n/(n - 1) sum (nats_i
 * - r tokens_i)^2 / tokens^2, and perplexity, exp(r), has the error exp(r) sd(r).
 */
export function perplexityOf(likelihoods: readonly Likelihood[]): Perplexity {
  let [nats, tokens, unknownPieces] = [0, 0, 0];
  for (const text of likelihoods) {
    nats += text.nats;
    tokens += text.tokens;
    unknownPieces += text.unknownPieces ?? 0;
  }
  const rate = nats / tokens;
  const n = likelihoods.length;
  let squares = 0;
  for (const text of likelihoods) squares += (text.nats - rate * text.tokens) ** 2;
  const rateError = n > 1 ? Math.sqrt((n / (n - 1)) * squares) / tokens : Number.NaN;
  const value = Math.exp(rate);
  const standardError = value * rateError;
  return { value, standardError, tokens, ...(unknownPieces > 0 && { unknownPieces }) };
}
