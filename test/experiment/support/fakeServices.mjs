/**
 * A model and a judge that are formulas, in the place of networks, for the built package in a process of its own and for tests alike:
 * same input, same answer; every call takes a moment, so that a kill finds it at work.
 */

/** @param {number} key */
function scatter(key) {
  let h = Math.imul(key + 1, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

const CARD = {
  kind: "mdlm",
  name: "fake",
  format: "safetensors",
  architecture: "dit",
  weights: "ema",
  vocabSize: 6,
  maskId: 5,
  length: 12,
  timeConditioning: false,
  subsMasking: false,
  hiddenSize: 4,
  blocks: 1,
  heads: 1,
  parameters: 10,
};

const DEFAULT_MAUVE = { seeds: [1, 2, 3, 4, 5], scale: 5 };

/**
 * @param {(denoiser: any, options: any) => AsyncIterable<any>} sampleEvents of the sampler.
 * @param {{ delay?: number, log?: (line: string) => void, card?: object }} [options] `delay` of a call in milliseconds.
 */
export function fakeServices(sampleEvents, { delay = 0, log = () => undefined, card = {} } = {}) {
  const model = { ...CARD, ...card };
  const denoiser = {
    model,
    /** @param {any} request */
    async forward({ length, tokens, rows }) {
      if (delay > 0) await pause(delay);
      const answer = new Float32Array(rows.length * model.vocabSize);
      rows.forEach((/** @type {number} */ row, /** @type {number} */ n) => {
        const b = Math.floor(row / length);
        let key = row % length;
        for (let i = 0; i < length; i++) key = Math.imul(key, 31) + tokens[b * length + i];
        for (let v = 0; v < model.vocabSize; v++) {
          answer[n * model.vocabSize + v] = 3 * scatter(key * 7 + v);
        }
      });
      return answer;
    },
  };
  return {
    version: "test",
    leastTexts: 2,
    check: () => undefined,
    async launch(/** @type {{ name: string }} */ { name }) {
      log(`launch ${name}`);
      return {
        model: { ...model, name },
        tokenizer: {
          name: "letters",
          vocabSize: 6,
          encode: async (/** @type {string} */ text) => [...text].map((c) => c.charCodeAt(0) % 5),
          decode: (/** @type {ArrayLike<number>} */ ids) =>
            Array.from(ids, (id) => "abcde?"[id]).join(""),
        },
        async *sample(/** @type {any} */ options) {
          log(`sample ${options.firstSample ?? 0}+${options.samples} of ${name}`);
          for await (const event of sampleEvents(denoiser, options)) {
            if (event.type === "finished") log(`finished ${event.sample} of ${name}`);
            yield event;
          }
        },
        close: async () => log(`close ${name}`),
      };
    },
    async judge() {
      log("judge");
      return {
        name: "fake judge",
        model: { hiddenSize: 1, blocks: 1, vocabSize: 6 },
        likelihoods: async (/** @type {string[]} */ texts) => {
          if (delay > 0) await pause(delay);
          log(`likelihoods ${texts.length}`);
          return texts.map((text) => ({ nats: text.length * 1.5, tokens: text.length }));
        },
        features: async (/** @type {string[]} */ texts) => {
          log(`features ${texts.length}`);
          return { rows: texts.length, width: 1, data: Float32Array.from(texts, (t) => t.length) };
        },
        mauve: async () => [0.5, 0.6],
        close: async () => log("close judge"),
      };
    },
    /** @param {any} input @param {any} options */
    async evaluate({ texts, references }, { judge, mauve = DEFAULT_MAUVE, onProgress }) {
      onProgress?.("everything", 0, 1);
      const likelihoods = (await judge?.likelihoods(texts)) ?? [];
      const scores = [];
      if (mauve !== false && references !== undefined) {
        await judge.likelihoods(references);
        const p = await judge.features(references);
        const q = await judge.features(texts);
        scores.push(...(await judge.mauve(p, q, mauve)));
      }
      const variety = texts.map((/** @type {string} */ text) => new Set(text).size);
      const mean =
        variety.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0) /
        texts.length;
      const nats = likelihoods.reduce(
        (/** @type {number} */ sum, /** @type {any} */ one) => sum + one.nats,
        0,
      );
      return {
        samples: texts.length,
        entropy: { mean, standardDeviation: 0.1, standardError: 0.01 },
        ...(judge && { genPpl: { value: nats / texts.length, standardError: NaN } }),
        ...(scores.length > 0 && {
          mauve: {
            mean: 0.55,
            standardDeviation: 0.05,
            references: references.length,
            ...mauve,
          },
        }),
        distinct1: 0.1,
        distinct2: 0.2,
        repetition: 0.3,
        duplicates: 0,
        collapse: { collapsed: false, reasons: [] },
      };
    },
  };
}
