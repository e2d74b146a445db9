/** Perplexity of a set of texts from the likelihoods that a judge gives them. Original: `gen_ppl_metric` in `diffusion.py`. */

/** What a judge says of one text. */
export interface Likelihood {
  /** Sum of -log p over the tokens that count, in nats. */
  readonly nats: number;
  /** How many tokens count: none in a text of fewer than two. */
  readonly tokens: number;
  /** Pieces of the text that the judge has no token for. Default 0. */
  readonly unknownPieces?: number;
}

export interface Perplexity {
  /** exp(nats / tokens), both summed over all texts: long texts weigh more. NaN when no token counts. */
  readonly value: number;
  /** Of `value`; NaN for fewer than two texts. */
  readonly standardError: number;
  /** Tokens that counted, in all texts together. */
  readonly tokens: number;
  /** Pieces of the texts that the judge has no token for; absent where there are none. */
  readonly unknownPieces?: number;
}

/**
 * The error follows from the spread over texts, which are independent where their tokens are not. Nats a token is a ratio r of two
 * sums, so by the delta method var(r) = n/(n - 1) sum (nats_i - r tokens_i)^2 / tokens^2, and perplexity, exp(r), has the error exp(r) sd(r).
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
