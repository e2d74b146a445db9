/**
 * The options, events and outcome of a run of the sampler. Events and outcome are plain records, as
 * they are in JSON.
 */
import type { TokenId } from "./denoiser.ts";
import type { StartOptions } from "./start.ts";
import type { GuideOptions } from "./guide.ts";
import type { Quirks } from "./quirks.ts";
import type { AnyStrategy } from "./strategy.ts";

/** Why a text ends: at its end-of-text token, or when the length is reached. */
export type FinishReason = "end" | "length";

export interface SamplerOptions {
  /**
   * A built-in strategy by its name or with its options (`"remdm-cap+loop"`, `{ kind: "remdm-loop",
   * eta: 0.04 }`), or one of your own, as `defineStrategy` returned it. Default: `remdm-loop`; for
   * models of kind `sedd` (`analytic`), `d3pm` (`ddpm`) and `ar`, the only one that they have.
   */
  readonly strategy?: AnyStrategy;
  /**
   * Number of denoising steps T, an integer >= 1, or the times themselves: [T + 1] numbers from 1
   * to 0 or above that never rise, of which only the last may be 0. The final noise removal comes
   * at the last time. Default: one step for each token. `ar` takes no steps, because it has one for
   * each token, and neither does `first-hitting`, which has no grid. `dense` takes a number only.
   */
  readonly steps?: number | readonly number[] | Float64Array;
  /**
   * Nucleus mass p in (0, 1]; 1 keeps every token. Default 0.9, or 1 where the strategy has no
   * nucleus.
   */
  readonly topP?: number;
  /**
   * What the logits are divided by for the draw of tokens, in [0, Infinity); 0 takes the likeliest
   * token, of equals the lowest id. Default 1. `dense` takes no other. Together with `topK` and
   * `topP`: first the temperature, then top-k, then the nucleus of what top-k left. They act on no
   * statistic of a row.
   */
  readonly temperature?: number;
  /**
   * How many of the likeliest tokens a draw may take, of equals the lowest ids: an integer >= 1.
   * Default: all. `dense` takes none.
   */
  readonly topK?: number;
  /**
   * Ids of tokens that are never drawn. A text has them all the same where they are not drawn: in a
   * prompt, and in an `ar` text as the token that begins it, which with `quirks: "original"` also
   * stands at its end, as in the original (`_ar_sampler`). `quirks: "paper"` and `until: "end"`
   * have no such end. Default: none.
   */
  readonly banned?: readonly TokenId[];
  /**
   * Ids of tokens that may be drawn and are revealed last, for strategies that rank positions by
   * the rows of the network (`confidence`, `threshold`, ...). Others refuse it: draw-first
   * strategies, `analytic`, `ar`, `dense`. Default: none.
   */
  readonly suppressed?: readonly TokenId[];
  /**
   * Scale w in [0, 1e6] of classifier-free guidance towards what is given (`pinned`, a prompt):
   * rows become `l_u + (w + 1) (l_c - l_u)`, where l_u is the row without what is given. It doubles
   * the work of the network. Not for `ar`. Default 0, which is none.
   */
  readonly guidance?: number;
  /** How many sequences to draw, an integer >= 1. Default 1. */
  readonly samples?: number;
  /** Index of the first sample: samples 8 to 15 of a seed can be drawn alone. Default 0. */
  readonly firstSample?: number;
  /**
   * Largest number of sequences in one forward call, an integer >= 1. Default 16, or `window` where
   * that is more.
   */
  readonly batchSize?: number;
  /**
   * How many states of a sample a forward call is about at most: the one at hand, and those that
   * probably follow (docs/decisions/parallel-in-time.md). The tokens are the same whatever the
   * window; it decides how often the network is asked, and how many sequences it computes. 1: the
   * state at hand alone. `auto` finds the window that takes the least time, from what the calls of
   * this process took. Samples come first: windows take the places of a call that they leave. An
   * integer >= 1 or `auto`, the default; only 1 where each call waits for the one before (`ar`,
   * `dense`).
   */
  readonly window?: number | "auto";
  /**
   * Tokens of a sequence, in [1, model.length]; of a model with blocks of its own (BD3-LM), in [1,
   * 2^20]. Default min(model.length, 1024).
   */
  readonly length?: number;
  /** An integer in [0, 2^64). Default 1. */
  readonly seed?: number | bigint;
  /** Positions that hold a given token and are never revealed or remasked (a prompt, infilling). */
  readonly pinned?: ReadonlyMap<number, TokenId>;
  /**
   * `events` asks the network only about positions that change; `dense` goes through every position
   * as the original does, with the original's rounding, and gives its tokens for its seed. Default
   * `events`; for `d3pm` models `dense`.
   */
  readonly executor?: "events" | "dense";
  /**
   * `torch` is the stream of PyTorch's CPU generator, seeded as by `torch.manual_seed`; `philox`
   * draws one number for each address. Default: `philox` for events, which have no other; `torch`
   * for dense.
   */
  readonly noise?: "philox" | "torch";
  /**
   * Where the original's code and the literature differ, `original` (the default) does as the code
   * does, and `paper` as the papers say: docs/fidelity.md has the list. `dense` always does as the
   * code does.
   */
  readonly quirks?: Quirks;
  /**
   * Semi-autoregressive generation: a finished window of `length` tokens moves on by `stride`
   * tokens, `strides` times, and the tokens that it keeps are pinned. Give both or neither;
   * integers in [1, length) and >= 1. Original: `sample_subs_guidance`.
   */
  readonly stride?: number;
  readonly strides?: number;
  /**
   * Generates the text in blocks of so many tokens, from left to right: what is left of a block is
   * fixed, and what is right of it stays masked. The first block begins after the prompt; the last
   * one may be shorter. Each block takes all `steps` (by default one for each of its tokens). An
   * integer in [1, length]; default: one block. LLaDA, `block_length`, which divides its steps
   * among the blocks. Refused with `stride`, `dense` and the strategies that have no windows. A
   * model with blocks of its own (BD3-LM) has these and no others, from the first token on.
   */
  readonly blockLength?: number;
  /**
   * `length` gives every token that there is room for. `end` cuts a text before its first
   * end-of-text token, except one that was given at the beginning: `ar` then stops drawing there,
   * and the other strategies begin no further block; what stands before the end is the same in
   * both cases. Default, as in the original: `length`; with `stride`, `end` if the model has an
   * end-of-text token.
   */
  readonly until?: FinishReason;
  /**
   * Begins with a draft instead of masks alone: each of its positions has its token, or is masked
   * with the chance 1 - alpha(t) = t, drawn anew for each sample, at the time t0 at which the grid
   * then begins. None of them is pinned; positions in neither `start` nor `pinned` begin masked. An
   * array of `steps` begins with that time. The first event of a sample, `remasked` in step 0, says
   * which were masked. Refused with `dense`, `stride`, `blockLength` (but not with the
   * blocks that a model has), `ar` models, strategies
   * without a time grid that draw first (`first-hitting`), and strategies that remask by the
   * probability that a token had when it was drawn (`remdm-conf`, `rcr`, `remdm-llada`).
   */
  readonly start?: StartOptions;
  /**
   * Steers the run by a reward, a function of the tokens: docs/guide.md. Each sample is one of
   * several particles. Refused with `dense`, `stride` and `ar` models.
   */
  readonly guide?: GuideOptions;
  readonly signal?: AbortSignal;
}

/** Masks that became tokens. */
export interface RevealedEvent {
  readonly type: "revealed";
  /** Number of the sample, counted from `firstSample`. */
  readonly sample: number;
  /** The step of the change, in [0, steps); `steps` itself is the final noise removal. */
  readonly step: number;
  /** Time t at the start of that step, in [0, 1]. */
  readonly time: number;
  /** Positions in [0, L), ascending; with `stride`, in the whole text. */
  readonly positions: readonly number[];
  /** The token that came to each of `positions`. */
  readonly tokens: readonly TokenId[];
  /**
   * The probability of each token, in (0, 1]: in the distribution of what a mask becomes if it is
   * revealed, from which the token was drawn, so after temperature, top-k and nucleus. 1 where
   * nothing was drawn: the final noise removal takes the likeliest token.
   */
  readonly probabilities: readonly number[];
  /**
   * The natural log of each token's probability in the network's whole row, before temperature,
   * top-k and nucleus; also where nothing was drawn. At most 0. It is the log of the softmax of the
   * row's logits without the mask's: for `mdlm` and `d3pm` of p(x0 | xt), for `ar` of p(next
   * token), for `sedd` of the scores, which are in proportion to it. `dense` computes it from the
   * rows as the original rounds them.
   */
  readonly logProbabilities: readonly number[];
}

/** Tokens that became masks again. */
export interface RemaskedEvent {
  readonly type: "remasked";
  readonly sample: number;
  /** As in {@link RevealedEvent}, in [0, steps). */
  readonly step: number;
  readonly time: number;
  /** As in {@link RevealedEvent}. */
  readonly positions: readonly number[];
  /** The token that stood at each of `positions` before. */
  readonly tokens: readonly TokenId[];
}

/** One sequence is done. */
export interface FinishedEvent {
  readonly type: "finished";
  readonly sample: number;
  /** [L] final token ids, no masks; fewer where `until` cut the text. */
  readonly tokens: readonly TokenId[];
  readonly finishReason: FinishReason;
  /** The number of calls of the network that this sample took part in. */
  readonly forwardCalls: number;
  /** In a guided run: how the sample was chosen. */
  readonly guided?: GuidedSample;
}

/**
 * In a run with a guide of the method `smc`, the particles of a sample were weighed. Such a run
 * tells no reveals and remasks, because its particles come and go: this event has their texts.
 */
export interface WeightedEvent {
  readonly type: "weighted";
  readonly sample: number;
  /** The step that the particles stand before; at the end, one more than the last. */
  readonly step: number;
  /**
   * Time t at the start of that step, and 0 at the end; in continuous time, that of the last event
   * of the first particle that is not finished.
   */
  readonly time: number;
  /** [N] before the resampling. */
  readonly particles: readonly WeighedParticle[];
  /** 1 / sum of squared weights, in [1, N]; 0 where every particle is ruled out. */
  readonly effectiveSampleSize: number;
  /**
   * [N] of which particle each one is a copy from now on. Left out where nothing was resampled: the
   * effective sample size was large enough, every particle is ruled out, or it is the end.
   */
  readonly ancestors?: readonly number[];
}

export interface WeighedParticle {
  /** [L] token ids, the mask's where nothing is revealed; never cut by `until`. */
  readonly tokens: readonly TokenId[];
  /** What the reward said. In JSON a reward of -Infinity is null. */
  readonly reward: number;
  /** In [0, 1]; the weights sum to 1, or are all 0 where every particle is ruled out. */
  readonly weight: number;
}

/** How a guided sample was chosen. */
export interface GuidedSample {
  /** Which particle it is, in [0, N). */
  readonly particle: number;
  readonly reward: number;
  /**
   * Natural log of an estimate of the mean of exp(lambda r) over texts sampled without a guide. The
   * estimate itself, exp of this number, has no bias. `smc` only.
   */
  readonly logMean?: number;
  /** [N] all particles at the end; `best-of-n` gives the best one the weight 1. */
  readonly particles: readonly WeighedParticle[];
}

/** Sent after each forward call and at the end. */
export interface ProgressEvent {
  readonly type: "progress";
  /**
   * Steps done over all samples, and how many there are: samples * steps, times the windows or, in
   * a guided run, the particles. The final noise removal is not counted. In continuous time a step
   * is 1/length of a window's time. Of an untimed strategy `total` is an upper bound, and a
   * finished sample counts with all of its steps.
   */
  readonly done: number;
  readonly total: number;
  /**
   * The next step of the first sample under way, numbered as in {@link RevealedEvent}, and the time
   * t at its start, falling from 1. When no sample is under way: the last step, and 0.
   */
  readonly step: number;
  readonly time: number;
  readonly finishedSamples: number;
  readonly samples: number;
  /** As in {@link SamplerStats}, so far. */
  readonly forwardCalls: number;
  readonly forwardRows: number;
}

export type SamplerEvent =
  RevealedEvent | RemaskedEvent | WeightedEvent | FinishedEvent | ProgressEvent;

export interface SamplerStats {
  /**
   * Calls of the network whose answers the samples took, one after the other. One sample has the
   * same number whatever the `window`; where several questions share a round, several calls do.
   */
  readonly forwardCalls: number;
  /** Rows of logits asked for, over all rounds. */
  readonly forwardRows: number;
  /** How often the network was asked: the calls, less those that were answered ahead of time. */
  readonly rounds: number;
  /** Sequences that the network computed, over all rounds; also those that no sample came to. */
  readonly sequences: number;
  /**
   * Steps of the time grid (dfm has a grid of its own; without a grid, the length). Of an untimed
   * strategy (`threshold`, ...) an upper bound: the most steps that there can be.
   */
  readonly steps: number;
  /**
   * Tokens of the final texts that were not given, over the calls of the network that each sample
   * took part in; 0 without a call. What was remasked on the way, or cut off, does not count.
   */
  readonly tokensPerForward: number;
}

export interface SamplerOutcome {
  /** [L] token ids of each sample, in order; fewer where `until` cut the text. */
  readonly tokens: readonly (readonly TokenId[])[];
  /** Why the text of each sample ends. */
  readonly finishReasons: readonly FinishReason[];
  /** In a guided run: how each sample was chosen, in order. */
  readonly guided?: readonly GuidedSample[];
  readonly stats: SamplerStats;
}
