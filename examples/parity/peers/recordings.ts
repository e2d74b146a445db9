/** Recordings of published samplers on the hash network (`test/golden/peers/README.md`). */
import { readFileSync } from "node:fs";
import type { TokenId } from "remdm/sampler";

/** Random numbers that a published sampler drew at once. */
export interface PeerDraw {
  /**
   * `rand`: uniforms r in [0, 1). `exponential`: q, of which the sampler takes argmax p / q.
   * `randint`: whole numbers below a bound that only the sampler knows, a word of the generator
   * each; the run has them under a name of its own.
   */
  readonly of: "rand" | "exponential" | "randint";
  readonly dtype: "float32" | "float64" | "int64";
  readonly shape: readonly number[];
  /** Base64, little-endian, row-major; absent where the seed gives them. */
  readonly values?: string;
}

export interface PeerCase {
  readonly function: string;
  /** By the published names. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly prompt: readonly TokenId[];
  /** [L] tokens, where what is known at the start is no prefix. */
  readonly start?: readonly TokenId[];
  /** L, of prompt and answer together. */
  readonly length: number;
  readonly vocabSize: number;
  readonly maskId: TokenId;
  readonly sharpness: number;
  /** Calls of the network; guidance asks about two sequences in one. */
  readonly calls: number;
  /** [calls, L] the tokens that the next call is asked about; the last is the result. */
  readonly states: readonly (readonly TokenId[])[];
  readonly result: readonly TokenId[];
  readonly drawsEachCall?: readonly PeerDraw[];
  readonly draws?: readonly (readonly PeerDraw[])[];
  /** psi: float32 times, one more than steps. */
  readonly times?: readonly number[];
  /** psi: what each drawn call draws from; null where the state has no such position. */
  readonly chances?: readonly PeerChances[];
  /** first-hitting: one a call. */
  readonly events?: readonly PeerEvent[];
}

export interface PeerChances {
  /** Of a mask to become a token. */
  readonly reveal: number | null;
  /** Of a token to become a mask. */
  readonly remask: number | null;
}

/** One reveal in continuous time. */
export interface PeerEvent {
  /** n, before it. */
  readonly masks: number;
  /** u: the time is the one before it times u^(1/n). */
  readonly uniform: number;
  readonly time: number;
  /** Which of the masks, counted from the left. */
  readonly rank: number;
  readonly position: number;
  readonly token: TokenId;
}

/** Everything that was recorded of a peer. */
export interface PeerRecording {
  /** Repository or package. */
  readonly peer: string;
  /** Commit or release. */
  readonly revision: string;
  readonly cases: readonly PeerCase[];
}

/** Reads a file that `peers.py` wrote. */
export function readRecording(path: string): PeerRecording {
  return JSON.parse(readFileSync(path, "utf8")) as PeerRecording;
}

/** Returns the tokens [L] that a run starts from: what is known, and masks. */
export function startOf({ prompt, start, length, maskId }: PeerCase): readonly TokenId[] {
  return start ?? [...prompt, ...Array<TokenId>(length - prompt.length).fill(maskId)];
}

/** Returns the tokens [L] that each call was asked about. */
export function askedTexts(run: PeerCase): readonly (readonly TokenId[])[] {
  return [startOf(run), ...run.states].slice(0, run.calls);
}
