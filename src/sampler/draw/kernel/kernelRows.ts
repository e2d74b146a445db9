/**
 * Draws from rows in WebAssembly (`assembly/index.ts`), with the same bits as plain TypeScript. The
 * module is compiled once, when first needed; each `KernelRows` has an instance of it with a memory
 * of its own.
 */
import { FRACTIONS } from "../exponential.ts";
import { isPhilox, TOKEN_STREAM, type NoiseSource } from "../noise.ts";
import type { RacedDraw, RowAddress } from "../rowAddress.ts";
import { inverseOf, type DrawRule } from "../drawRule.ts";
import { LACKING, logProbabilityOf, type TopRow } from "../topRow.ts";
import { BINARY } from "./binary.ts";
import { webAssembly, type WebAssemblyModule } from "./webAssembly.ts";

/** What `assembly/index.ts` exports; addresses are in bytes. */
interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  open(
    vocabSize: number,
    maskId: number,
    topP: number,
    keepsCrossing: boolean,
    inverse: number,
  ): number;
  fractionsAt(): number;
  rowAt(): number;
  idsAt(): number;
  draw(position: number, step: number, stream: number, key0: number, key1: number): number;
  measure(): number;
  drawTop(
    count: number,
    max: number,
    rest: number,
    least: number,
    position: number,
    step: number,
    stream: number,
    key0: number,
    key1: number,
  ): number;
  probability(): number;
  lead(): number;
  total(): number;
  largest(): number;
}

/** Works on one row after another in the same memory. */
export class KernelRows {
  readonly #kernel: KernelExports;
  readonly #row: Float32Array;
  readonly #ids: Int32Array;
  readonly #least: number;

  private constructor(kernel: KernelExports, vocabSize: number, topP: number) {
    this.#kernel = kernel;
    const { buffer } = kernel.memory;
    new Float64Array(buffer, kernel.fractionsAt(), FRACTIONS.length).set(FRACTIONS);
    this.#row = new Float32Array(buffer, kernel.rowAt(), vocabSize);
    this.#ids = new Int32Array(buffer, kernel.idsAt(), vocabSize);
    this.#least = topP - LACKING;
  }

  /**
   * Makes the kernel's instance.
   * @param rule its `topK` is not looked at.
   * @returns undefined where there is no WebAssembly with SIMD, or not enough memory.
   */
  static open(vocabSize: number, maskId: number, rule: DrawRule): KernelRows | undefined {
    const { topP, temperature, quirks } = rule;
    const kernel = instantiate();
    const keepsCrossing = quirks === "paper";
    if (!kernel?.open(vocabSize, maskId, topP, keepsCrossing, inverseOf(temperature))) {
      return undefined;
    }
    return new KernelRows(kernel, vocabSize, topP);
  }

  /**
   * Draws from a whole row.
   * @param row [V]
   * @returns undefined for a row that has no distribution, and for noise other than the default.
   */
  draw(row: Float32Array, at: RowAddress, noise: NoiseSource): RacedDraw | undefined {
    if (!isPhilox(noise)) return undefined;
    this.#row.set(row);
    const { sample, step, position } = at;
    const kernel = this.#kernel;
    const stream = sample + TOKEN_STREAM;
    const token = kernel.draw(position, step, stream, noise.key0, noise.key1);
    if (token < 0) return undefined;
    const logProbability = row[token] - kernel.largest() - Math.log(kernel.total());
    return { token, probability: kernel.probability(), logProbability, lead: kernel.lead() };
  }

  /**
   * Returns the sum of exp(logit - max) over all tokens.
   * @param row [V] a row that has a distribution.
   */
  total(row: Float32Array): number {
    this.#row.set(row);
    return this.#kernel.measure();
  }

  /**
   * Draws from a top row.
   * @param row valid, except that it may end before p.
   * @param max its largest logit.
   * @returns undefined for a row that ends before p, and for noise other than the default.
   */
  drawTop(row: TopRow, max: number, at: RowAddress, noise: NoiseSource): RacedDraw | undefined {
    if (!isPhilox(noise)) return undefined;
    const { ids, logits, rest } = row;
    this.#row.set(logits);
    this.#ids.set(ids);
    const { sample, step, position } = at;
    const kernel = this.#kernel;
    const token = kernel.drawTop(
      ids.length,
      max,
      rest,
      this.#least,
      position,
      step,
      sample + TOKEN_STREAM,
      noise.key0,
      noise.key1,
    );
    if (token < 0) return undefined;
    const logProbability = logProbabilityOf(row, ids.indexOf(token));
    return { token, probability: kernel.probability(), logProbability, lead: kernel.lead() };
  }
}

let compiledModule: WebAssemblyModule | null | undefined;

function instantiate(): KernelExports | undefined {
  if (webAssembly === undefined) return undefined;
  if (compiledModule === undefined) {
    const bytes = Uint8Array.from(atob(BINARY), (character) => character.charCodeAt(0));
    compiledModule = webAssembly.validate(bytes) ? new webAssembly.Module(bytes) : null;
  }
  if (compiledModule === null) return undefined;
  try {
    const instance = new webAssembly.Instance(compiledModule, { race: { log1p: Math.log1p } });
    // `npm run check` compares the module with its source, whose exports these are.
    return instance.exports as KernelExports;
  } catch (error) {
    // A memory reserves much address space, however small it is: there may be too little left.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
