/** Recordings of published samplers on the hash network (`test/golden/peers/README.md`). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";
import type { TokenId } from "../../../src/sampler/index.ts";
import { TorchGenerator } from "../../../src/sampler/loops/parity/torchGenerator.ts";

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
}

/** @param name of the file, without `.json`. */
export function peerCases(name: string): readonly PeerCase[] {
  const path = join(packageRoot, "test", "golden", "peers", `${name}.json`);
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: PeerCase[] };
  return cases;
}

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
