/**
 * Writes and reads the file that the original repository writes after sampling:
 * `generated_seqs_path` of its `main.py`.
 */
import { readEntropy, SampleProblem } from "./textSample.ts";

/** The contents of the file. */
export interface OriginalResult {
  /**
   * Generative perplexity; absent where the file has `null`, as for a number that is not finite.
   */
  readonly genPpl?: number;
  /** The mean of `entropies`. */
  readonly entropy?: number;
  readonly mauve?: number;
  /** Entropy of each text, in nats. */
  readonly entropies: readonly number[];
  readonly texts: readonly string[];
}

/**
 * Writes a result as Python's `json.dump(result, file, indent=4)` lays it out: the same keys in the
 * same order, everything beyond ASCII escaped, no line break at the end. Where Python would write
 * `NaN`, which JSON does not have, this writes `null`.
 */
export function formatOriginal(result: OriginalResult): string {
  const { genPpl = null, entropy = null, mauve = null, entropies, texts } = result;
  const json = JSON.stringify(
    { gen_ppl: genPpl, entropy, MAUVE: mauve, entropies, text_samples: texts },
    undefined,
    4,
  );
  return json.replace(/[\u007f-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/**
 * Reads the samples of the file, and not its scores, which are computed again.
 * @throws SampleProblem.
 */
export function readOriginal(
  document: Readonly<Record<string, unknown>>,
): Pick<OriginalResult, "texts"> & { readonly entropies?: readonly number[] } {
  const { text_samples: texts, entropies } = document;
  if (!isTexts(texts)) throw new SampleProblem("must have an array of strings as `text_samples`");
  // The original's semi-autoregressive samples come without entropies.
  if (entropies === undefined || (Array.isArray(entropies) && entropies.length === 0)) {
    return { texts };
  }
  if (!Array.isArray(entropies) || entropies.length !== texts.length) {
    const problem = `must have as many \`entropies\` as \`text_samples\`, ${texts.length}`;
    throw new SampleProblem(problem);
  }
  return { texts, entropies: entropies.map(readEntropy) };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
