/**
 * Runs every case of a golden file again, and compares the network's output:
 *
 *     node scripts/golden.mjs DIRECTORY FILE.json
 *
 * DIRECTORY is a LLaDA, a Dream or a BD3-LM in Hugging Face's format, FILE.json what the published code made of it
 * (`test/golden/README.md`). Ends with `N cases, M of K tokens differ`; the exit code is 1 when any does, when a case
 * took another number of calls of the network, or when an output is off by more than 1e-4.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { Remdm } from "../dist/index.js";

/** @import { SampleOptions, Tokenizer } from "../dist/index.js" */

/**
 * @typedef {object} Case
 * @property {"llada" | "remdm-llada" | "dream" | "bd3lm"} sampler
 * @property {Readonly<Record<string, unknown>>} options of the published function
 * @property {number} [seed]
 * @property {readonly number[]} promptIds
 * @property {readonly number[]} tokens
 * @property {number} forwardCalls
 */
/**
 * @typedef {object} Golden
 * @property {{ x: number[][], positions: number[], output: string, shape: number[] }} forward
 * @property {readonly Case[]} cases
 * @property {number} eosId
 * @property {number} eotId
 */
/**
 * @typedef {object} Comparison
 * @property {number} cases
 * @property {number} tokens
 * @property {number} different tokens that differ
 * @property {readonly string[]} notes a line for each case that is not the same
 * @property {number} apart the largest difference of two outputs of the network
 */

export const MOST_APART = 1e-4;

/** @param {string} file as it is, or packed (.gz) @returns {Golden} */
export function readGolden(file) {
  const bytes = readFileSync(file);
  return JSON.parse((file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"));
}

/** @param {string} directory @param {Golden} golden @returns {Promise<Comparison>} */
export async function compareGolden(directory, golden) {
  const apart = await outputsApart(directory, golden.forward);
  const topK = configuredTopK(directory);
  const notes = [];
  let [tokens, different] = [0, 0];
  const remdm = await Remdm.launch({ checkpoint: directory, device: "cpu", dtype: "float32" });
  try {
    for (const [i, one] of golden.cases.entries()) {
      const result = await remdm.sample(ourOptions(one, golden, topK)).result();
      const ours = result.tokens.flat();
      const wrong = one.tokens.filter((token, at) => ours[at] !== token).length;
      tokens += one.tokens.length;
      different += wrong;
      const { forwardCalls } = result.stats;
      const isSame = wrong === 0 && ours.length === one.tokens.length;
      if (isSame && forwardCalls === one.forwardCalls) continue;
      notes.push(
        `case ${i}, ${one.sampler} ${JSON.stringify(one.options)}: ${wrong} tokens differ, ` +
          `${forwardCalls} calls instead of ${one.forwardCalls}`,
      );
    }
  } finally {
    await remdm.close();
  }
  return { cases: golden.cases.length, tokens, different, notes, apart };
}

/**
 * Returns the `top_k` of a config, which is 50 by default in transformers 4: Dream's `diffusion_generate` takes it from
 * there.
 * @param {string} directory @returns {number}
 */
function configuredTopK(directory) {
  const config = JSON.parse(readFileSync(join(directory, "config.json"), "utf8"));
  return config.top_k ?? config.vocab_size;
}

/**
 * Says the options of a published function in our words: with PyTorch's noise and the published code's quirks where it
 * draws, which Dream's cases do not.
 * @param {Case} one @param {Golden} golden @param {number} topK that Dream's generation has where nobody names one
 * @returns {SampleOptions}
 */
function ourOptions({ sampler, options, seed = 0, promptIds }, { eosId, eotId }, topK) {
  const number = (/** @type {string} */ name) => Number(options[name]);
  const length = number("gen_length");
  const common = {
    executor: /** @type {const} */ ("dense"),
    seed,
    pinned: new Map(promptIds.entries()),
    length: promptIds.length + length,
  };
  if (sampler === "dream") {
    /** @type {Record<string, NonNullable<SampleOptions["strategy"]>>} */
    const orders = {
      maskgit_plus: { kind: "confidence", pace: "times", scale: "probability" },
      topk_margin: { kind: "margin", pace: "times" },
      entropy: { kind: "entropy", pace: "times" },
    };
    const strategy = orders[String(options.alg)];
    return {
      ...common,
      strategy,
      steps: number("steps"),
      temperature: number("temperature"),
      topK,
    };
  }
  const blockLength = number("block_length");
  const steps = Math.floor(number("steps") / (length / blockLength));
  if (sampler === "bd3lm") {
    const isFirstHitting = options.first_hitting === true;
    return {
      ...common,
      strategy: isFirstHitting ? { kind: "first-hitting" } : { kind: "mdlm" },
      ...(!isFirstHitting && { steps: number("num_steps") }),
      topP: number("nucleus_p"),
      samples: number("samples"),
      length: number("length"),
    };
  }
  const dense = { ...common, blockLength };
  if (sampler === "remdm-llada") {
    const until = options.ignore_eos === true ? "length" : "end";
    const strategy = /** @type {const} */ ({
      kind: "remdm-llada",
      remasks: number("remdm_number"),
    });
    return { ...dense, strategy, steps: 2 * steps, until };
  }
  return {
    ...dense,
    strategy: options.order === "random" ? { kind: "random" } : { kind: "confidence", of: "drawn" },
    steps,
    temperature: number("temperature"),
    guidance: number("cfg_scale"),
    ...(options.logits_eos_inf === true && { banned: [eosId] }),
    ...(options.confidence_eos_eot_inf === true && { suppressed: [eosId, eotId] }),
  };
}

/**
 * Returns the largest difference between the network's output and the recorded one. Columns that the tokenizer does not
 * know have no logit where there is a tokenizer, so the network is loaded without.
 * @param {string} directory @param {Golden["forward"]} forward @returns {Promise<number>}
 */
async function outputsApart(directory, { x, positions, output, shape }) {
  const bare = mkdtempSync(join(tmpdir(), "remdm-golden-"));
  try {
    for (const name of readdirSync(directory)) {
      if (!name.startsWith("tokenizer")) symlinkSync(resolve(directory, name), join(bare, name));
    }
    const bytes = Buffer.from(output, "base64");
    const theirs = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    );
    const vocabSize = shape[shape.length - 1];
    /** @type {Tokenizer} */
    const tokenizer = { name: "none", vocabSize, encode: async () => [], decode: () => "" };
    const remdm = await Remdm.launch({
      checkpoint: bare,
      tokenizer,
      device: "cpu",
      dtype: "float32",
    });
    try {
      const [batch, length] = [x.length, x[0].length];
      const ours = await remdm.denoiser.forward({
        batch,
        length,
        tokens: Int32Array.from(x.flat()),
        sigma: new Float32Array(batch),
        rows: Int32Array.from(x.flatMap((_, b) => positions.map((at) => b * length + at))),
      });
      return theirs.reduce((most, logit, i) => Math.max(most, Math.abs(logit - ours[i])), 0);
    } finally {
      await remdm.close();
    }
  } finally {
    rmSync(bare, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory, file] = process.argv.slice(2);
  if (directory === undefined || file === undefined) {
    process.stderr.write("usage: node scripts/golden.mjs DIRECTORY FILE.json\n");
    process.exit(2);
  }
  const { cases, tokens, different, notes, apart } = await compareGolden(
    directory,
    readGolden(file),
  );
  for (const note of notes) process.stdout.write(`${note}\n`);
  process.stdout.write(`outputs of the network: at most ${apart.toExponential(1)} apart\n`);
  process.stdout.write(`${cases} cases, ${different} of ${tokens} tokens differ\n`);
  process.exitCode = different > 0 || notes.length > 0 || !(apart <= MOST_APART) ? 1 : 0;
}
