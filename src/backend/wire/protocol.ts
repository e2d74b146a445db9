/**
 * The messages between the SDK and the Python backend, version 6. `npm run schemas` turns these
 * types into `schemas/*.json`; both sides validate every header against those files.
 *
 * A message is `[header, frame, frame, ...]`: the header is one of the records below in msgpack,
 * each frame one tensor as raw little-endian bytes, described in order by the header's `tensors`.
 */

import type { StatisticName } from "../../sampler/denoiser.ts";

/** Raised whenever a message changes its meaning; both sides refuse any other. */
export const PROTOCOL_VERSION = 6;

export type TensorDtype = "float32" | "float64" | "bfloat16" | "int32" | "uint8";

/** One raw frame: `shape` in row-major order. */
export interface TensorSpec {
  readonly dtype: TensorDtype;
  /** @items.type integer
   * @items.minimum 0 */
  readonly shape: readonly number[];
}

/** Which network the backend holds, and where it runs. */
export interface ModelCard {
  readonly kind: "mdlm" | "sedd" | "d3pm" | "ar";
  /** File or directory name of the checkpoint. */
  readonly name: string;
  readonly format: "lightning" | "safetensors" | "huggingface";
  /** `huggingface` is a network that transformers builds; the others are the backend's own. */
  readonly architecture: "dit" | "ar" | "huggingface" | "llada" | "dream" | "a2d" | "bd3lm";
  readonly weights: "ema" | "raw";
  /** V, the mask included.
   * @TJS-type integer
   * @minimum 2 */
  readonly vocabSize: number;
  /** `vocabSize`, which is no token, for a judge of Hugging Face: it has no mask.
   * @TJS-type integer
   * @minimum 0 */
  readonly maskId: number;
  /** Longest sequence, in tokens; of a network with a `blockLength`, what a block of it sees.
   * @TJS-type integer
   * @minimum 1 */
  readonly length: number;
  /**
   * Tokens of a block of a network that is causal over blocks (BD3-LM); absent: the network is not.
   * @TJS-type integer
   * @minimum 1 */
  readonly blockLength?: number;
  readonly timeConditioning: boolean;
  /** Whether the mask has no probability in a d3pm model. */
  readonly subsMasking: boolean;
  /** @TJS-type integer */
  readonly hiddenSize: number;
  /** @TJS-type integer */
  readonly blocks: number;
  /** @TJS-type integer */
  readonly heads: number;
  /** @TJS-type integer */
  readonly parameters: number;
}

/** Where the network runs, and with which software. */
export interface Runtime {
  /** For example `cpu`, `cuda:0` or `mps:0`. */
  readonly device: string;
  readonly dtype: "float32" | "bfloat16";
  readonly attention: "flash-attn" | "sdpa";
  readonly torch: string;
  readonly python: string;
  /** @TJS-type integer */
  readonly pid: number;
}

/**
 * Asks who is there. The answer comes when the checkpoint is loaded, or is an error when it cannot
 * be loaded.
 */
export interface HelloRequest {
  readonly type: "hello";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  /** @TJS-type integer */
  readonly protocol: number;
}

/** Asks for a sign of life. Answered by the I/O thread, also during a forward. */
export interface PingRequest {
  readonly type: "ping";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
}

/**
 * Frames: tokens int32 [B, L], sigma float32 [B], rows int32 [N] (flat indices b * L + l); then,
 * where the header says so, in this order: with the statistic `given`, given int32 [N], a token for
 * each row; with `bans`, banned int32 [K], ascending ids; with `guidanceScale`, masked int32 [M],
 * ascending flat indices.
 */
export interface ForwardRequestHeader {
  readonly type: "forward";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  /**
   * `logits`: raw head output. `logprobs`: what the original's `forward` returns for this kind of
   * model. `statistics`: each row reduced to the numbers that `statistics` lists.
   */
  readonly output: "logits" | "logprobs" | "statistics";
  /**
   * For `statistics`, and needed there: which numbers, in which order.
   * @minItems 1
   * @uniqueItems true
   */
  readonly statistics?: readonly StatisticName[];
  /**
   * For `logits`: asks only for the tokens of each row that a nucleus of this mass can hold, see
   * TopRowsReply.
   * @exclusiveMinimum 0
   * @exclusiveMaximum 1
   */
  readonly topMass?: number;
  /**
   * With `topMass` or `topK`: what the logits are divided by before the mass is taken. Default 1.
   * @exclusiveMinimum 0
   */
  readonly temperature?: number;
  /**
   * For `logits`: asks only for this many of the likeliest tokens of each row, before the mass is
   * taken, see TopRowsReply.
   * @TJS-type integer
   * @minimum 1
   * @maximum 2147483647
   */
  readonly topK?: number;
  /**
   * Says that a frame `banned` comes: tokens, not all and never the mask, whose logits are
   * -Infinity in every row, whatever is made of the row.
   */
  readonly bans?: true;
  /**
   * Says that a frame `masked` comes, and asks for classifier-free guidance: a second forward sees
   * masks at `masked`, and each row is l_u + (scale + 1) (l_c - l_u), computed in float32 before
   * bans and before anything is made of it. Logits are then float32 ones. 0 is the first forward
   * alone. Not for `ar`.
   * @minimum 0
   * @maximum 1000000
   */
  readonly guidanceScale?: number;
  /**
   * The name under which the backend may keep what it computed for this client. It answers a later
   * call of the same name from this, as far as tokens and sigma agree.
   * @TJS-type integer
   * @minimum 0
   * @maximum 2147483647
   */
  readonly cache?: number;
  readonly tensors: readonly TensorSpec[];
}

/** Says that the client will not use this cache any more. */
export interface ReleaseRequest {
  readonly type: "release";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  /** @TJS-type integer
   * @minimum 0
   * @maximum 2147483647 */
  readonly cache: number;
}

/**
 * Asks a judge how likely texts are. Frames: tokens int32 [T], the texts one after the other;
 * lengths int32 [N], which add up to T. A text that is longer than the model's sequences is judged
 * in chunks of that length, each by itself. A token counts when another precedes it in its chunk;
 * of the tokens that equal `eos` only the first of a chunk counts.
 */
export interface LikelihoodRequestHeader {
  readonly type: "likelihood";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  /** The token that ends a text, where there is one.
   * @TJS-type integer
   * @minimum 0
   * @maximum 2147483647 */
  readonly eos?: number;
  readonly tensors: readonly TensorSpec[];
}

/**
 * Asks a judge for one vector for each text: the last hidden state, after the final norm, at the
 * last token. Frames: tokens int32 [T] and lengths int32 [N] as for `likelihood`; no text is empty
 * or longer than the model's sequences.
 */
export interface FeaturesRequestHeader {
  readonly type: "features";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  readonly tensors: readonly TensorSpec[];
}

/**
 * Asks for the MAUVE of samples against references. Frames: p float32 [N, D], the references; q
 * float32 [M, D].
 */
export interface MauveRequestHeader {
  readonly type: "mauve";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  /** Of k-means; mauve-text adds small numbers to it.
   * @TJS-type integer
   * @minimum 0
   * @maximum 2147483645 */
  readonly seed: number;
  /** c in exp(-c KL).
   * @exclusiveMinimum 0
   * @maximum 1000 */
  readonly scale: number;
  /** Clusters; default a tenth of N or M, whichever is smaller.
   * @TJS-type integer
   * @minimum 2
   * @maximum 100000 */
  readonly buckets?: number;
  /** Share of the variance that is kept before k-means.
   * @exclusiveMinimum 0
   * @maximum 0.999 */
  readonly explainedVariance: number;
  /** Starts of k-means, of which the best counts.
   * @TJS-type integer
   * @minimum 1
   * @maximum 1000 */
  readonly redo: number;
  /** @TJS-type integer
   * @minimum 1
   * @maximum 100000 */
  readonly maxIterations: number;
  readonly tensors: readonly TensorSpec[];
}

/**
 * Asks for the text of a chat, by the checkpoint's chat template. Frame: chat uint8 [N], JSON in
 * UTF-8 of at most 4 MiB: `messages`, at least one, each with a `role` and a `content`, and
 * `variables`, an object of what else the template is given.
 */
export interface RenderRequestHeader {
  readonly type: "render";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  readonly tensors: readonly TensorSpec[];
}

/** Answer to hello. */
export interface ReadyReply {
  readonly type: "ready";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  /** @TJS-type integer */
  readonly protocol: number;
  /** Version of the Python package. */
  readonly version: string;
  readonly model: ModelCard;
  /** Says that the checkpoint has a chat template. */
  readonly chat?: true;
  readonly runtime: Runtime;
}

/** Answer to ping. */
export interface PongReply {
  readonly type: "pong";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  /** Whether a forward or a judgement is running. */
  readonly busy: boolean;
  /** Calls that wait for the device.
   * @TJS-type integer
   * @minimum 0 */
  readonly queued: number;
}

/** Answer to release, whether or not the cache existed. */
export interface ReleasedReply {
  readonly type: "released";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
}

/**
 * Answer to forward. Frame: values float32 [N, V], for k statistics [N, k]. Logits of a network
 * that computes in bfloat16 are bfloat16: the same numbers in half the bytes.
 */
export interface RowsReply {
  readonly type: "rows";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  readonly tensors: readonly TensorSpec[];
}

/**
 * Answer to forward with `topMass` p. It has the likeliest tokens of each row until their
 * probability exceeds p, including the token that crosses p and all that equal it, or all tokens if
 * their probability never exceeds p. The probability is that of logits / `temperature`. With `topK`
 * it has no more than the k likeliest tokens and all that equal the last of them, and the
 * probability is that among k. The mask has no part in this, a token of -Infinity is never sent,
 * and a row with NaN or +Infinity is sent whole. Frames: counts int32 [N], of the tokens of each
 * row; ids int32 [M], ascending within a row; logits [M], float32 or bfloat16 as in RowsReply; rest
 * float64 [N], the sum of exp((logit - max) / temperature) of the tokens that were left out, with
 * `topK` of those among k; logMass float64 [N], the log of the sum of exp(logit) of all tokens,
 * whatever was asked for.
 */
export interface TopRowsReply {
  readonly type: "topRows";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  readonly tensors: readonly TensorSpec[];
}

/**
 * Answer to likelihood, features and mauve. Frames: nats float64 [N] and counted int32 [N];
 * features float32 [N, D]; the score float64 [1] and int32 [1], 1 where both histograms are equal.
 */
export interface EvaluatedReply {
  readonly type: "evaluated";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  readonly tensors: readonly TensorSpec[];
}

/**
 * Answer to render. Frames: text uint8 [M], UTF-8; ends int32 [K], the tokens that end an answer by
 * the model's `config.json` and `generation_config.json`.
 */
export interface RenderedReply {
  readonly type: "rendered";
  /** @TJS-type integer
   * @minimum 0 */
  readonly id: number;
  readonly tensors: readonly TensorSpec[];
}

export type BackendErrorCode =
  | "checkpoint_missing"
  | "checkpoint_invalid"
  | "checkpoint_unsupported"
  | "device_unavailable"
  | "out_of_memory"
  | "package_missing"
  | "protocol_mismatch"
  | "request_invalid"
  | "template_missing"
  | "template_invalid"
  | "template_failed"
  | "internal";

/** Answer to any request that failed. `id` is the request's, or null when it could not be read. */
export interface ErrorReply {
  readonly type: "error";
  /** @TJS-type ["integer", "null"] */
  readonly id: number | null;
  readonly code: BackendErrorCode;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** What to do about it, in one sentence. */
  readonly remedy: string;
}

/** Everything that the SDK sends. */
export type Request =
  | HelloRequest
  | PingRequest
  | ForwardRequestHeader
  | ReleaseRequest
  | RenderRequestHeader
  | LikelihoodRequestHeader
  | FeaturesRequestHeader
  | MauveRequestHeader;

/** Everything that the backend sends. */
export type Reply =
  | ReadyReply
  | PongReply
  | RowsReply
  | TopRowsReply
  | ReleasedReply
  | EvaluatedReply
  | RenderedReply
  | ErrorReply;
