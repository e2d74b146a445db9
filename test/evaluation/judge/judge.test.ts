// @part backend
/**
 * Judges through the real backend: tiny models with random weights, made on the spot, and what transformers and mauve-text
 * themselves say of the same texts.
 */
import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import {
  findPython,
  Judge,
  loadTokenizer,
  Remdm,
  type Features,
  type TextJudge,
  type Tokenizer,
} from "../../../src/index.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

const maker = join(packageRoot, "py_backend", "tests", "make_judge.py");
const python = findPython().path;

interface Expected {
  readonly texts: readonly string[];
  readonly likelihoods: readonly (readonly [number, number])[];
  readonly long: readonly (readonly [number, number])[];
  readonly features: readonly (readonly number[])[];
  readonly references: readonly string[];
  readonly samples: readonly string[];
  readonly seeds: readonly number[];
  readonly scores: readonly number[];
}

let directory = "";
let expected: Expected;
let judge: Judge;
const gpt2 = () => join(directory, "gpt2");

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "remdm-judge-"));
  await execa(python, [maker, directory]);
  expected = JSON.parse(await readFile(join(directory, "expected.json"), "utf8")) as Expected;
  judge = await Judge.launch({ model: gpt2(), batchSize: 3 });
}, 240_000);
afterAll(async () => {
  await judge.close();
  await rm(directory, { recursive: true });
});

/** Of what may be near 0, beside 1; a score may be small and is not. */
function relativeError(got: number, wanted: number, least = 1): number {
  return Math.abs(got - wanted) / Math.max(least, Math.abs(wanted));
}

/** Features of `rows` texts that judge nothing, for what is refused before it is sent. */
function made(rows: number, width = 4): Features {
  return { rows, width, data: new Float32Array(rows * width).fill(1) };
}

describe("a judge", () => {
  it("says which model it is, and is a TextJudge", () => {
    const any: TextJudge = judge;
    expect(any.name).toBe("gpt2");
    expect(judge.model).toMatchObject({ kind: "ar", format: "huggingface", length: 32 });
    expect(judge.model).toMatchObject({ vocabSize: 257, maskId: 257, hiddenSize: 32, blocks: 2 });
  });

  it("gives the likelihoods that transformers gives, a portion at a time", async () => {
    const progress: (readonly [number, number])[] = [];
    const got = await judge.likelihoods(expected.texts, {
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(got.map(({ tokens }) => tokens)).toEqual(expected.likelihoods.map(([, n]) => n));
    for (const [i, { nats }] of got.entries()) {
      expect(relativeError(nats, expected.likelihoods[i][0])).toBeLessThan(1e-5);
    }
    expect(progress).toEqual([
      [3, 8],
      [6, 8],
      [8, 8],
    ]);
  });

  it("judges a text beyond the model's context in chunks, where maxLength lets it", async () => {
    await using long = await Judge.launch({ model: gpt2(), maxLength: 1000 });
    const got = await long.likelihoods(expected.texts);
    expect(got.map(({ tokens }) => tokens)).toEqual(expected.long.map(([, n]) => n));
    for (const [i, { nats }] of got.entries()) {
      expect(relativeError(nats, expected.long[i][0])).toBeLessThan(1e-5);
    }
    expect(expected.long).not.toEqual(expected.likelihoods);
    // Features are of what fits.
    expect((await long.features(expected.texts)).data).toHaveLength(expected.texts.length * 32);
  });

  it("gives the features that transformers gives", async () => {
    const { rows, width, data } = await judge.features(expected.texts);
    expect([rows, width]).toEqual([expected.texts.length, 32]);
    for (const [i, value] of expected.features.flat().entries()) {
      expect(relativeError(data[i], value)).toBeLessThan(1e-5);
    }
  });

  it("gives the scores that mauve-text gives for the same texts and seeds", async () => {
    const { seeds, scores } = expected;
    const p = await judge.features(expected.references);
    const q = await judge.features(expected.samples);
    const progress: number[] = [];
    const got = await judge.mauve(p, q, { seeds, onProgress: (done) => progress.push(done) });
    for (const [i, score] of got.entries()) {
      expect(relativeError(score, scores[i], 0)).toBeLessThan(1e-4);
    }
    expect(got).toHaveLength(seeds.length);
    expect(got[0]).not.toBe(got[1]);
    expect(progress).toEqual([1, 2]);
    const [other] = await judge.mauve(p, q, { seeds: [seeds[0]], scale: 1 });
    expect(other).toBeGreaterThan(got[0]); // exp(-c KL) grows when c shrinks
  });

  it("takes the last step's weights when asked, as the error about a missing average says", async () => {
    const model = join(directory, "ar-raw", "model.ckpt");
    await expect(Judge.launch({ model })).rejects.toMatchObject({
      code: "checkpoint_invalid",
      message: expect.stringContaining("no moving average"),
      remedy: expect.stringContaining("rawWeights: true"),
    });
    await using raw = await Judge.launch({ model, rawWeights: true });
    expect(raw.model).toMatchObject({ kind: "ar", weights: "raw" });
    const whole = join(directory, "ar", "model.ckpt"); // the same network, and its average beside it
    await using same = await Judge.launch({ model: whole, rawWeights: true });
    await using averaged = await Judge.launch({ model: whole });
    const [[a], [b], [c]] = await Promise.all(
      [raw, same, averaged].map((one) => one.likelihoods(["To be, or not"])),
    );
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  }, 120_000);
  it("says for which seeds both histograms are equal, where mauve-text scores 1 or 0.75", async () => {
    // Ten texts each at two places that are far apart: half of them in each of two clusters.
    const placed = (shift: number): Features => {
      const at = (i: number): number[] => [i < 10 ? 9 : -9, shift * Math.sin(i + 1), shift];
      const rows = Array.from({ length: 20 }, (_, i) => at(i));
      return { rows: 20, width: 3, data: Float32Array.from(rows.flat()) };
    };
    const tied: number[] = [];
    const onTie = (seed: number): void => void tied.push(seed);
    const scores = await judge.mauve(placed(0.1), placed(0.2), {
      seeds: [3, 4],
      buckets: 2,
      onTie,
    });
    expect(tied).toEqual([3, 4]);
    for (const score of scores) expect([0.75, 1]).toContain(Number(score.toFixed(9)));
  });

  it("is an autoregressive model of ours too, which agrees with its own log p", async () => {
    const checkpoint = join(directory, "ar", "model.ckpt");
    const text = "To be, or not";
    await using ours = await Judge.launch({ model: checkpoint });
    const [{ nats, tokens }] = await ours.likelihoods([text]);
    await using remdm = await Remdm.launch({ checkpoint });
    const ids = await remdm.tokenizer.encode(text);
    const rows = ids.map((_, i) => i).slice(1);
    const vocabSize = remdm.model.vocabSize;
    const logits = await remdm.denoiser.forward({
      batch: 1,
      length: ids.length,
      tokens: Int32Array.from(ids),
      sigma: new Float32Array(1),
      rows: Int32Array.from(rows, (row) => row - 1),
    });
    const nll = rows.map((position, i) => {
      const row = [...logits.subarray(i * vocabSize, (i + 1) * vocabSize)];
      row[remdm.model.maskId] = -1000;
      return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[ids[position]];
    });
    expect(tokens).toBe(ids.length - 1);
    expect(
      relativeError(
        nats,
        nll.reduce((sum, x) => sum + x, 0),
      ),
    ).toBeLessThan(1e-5);
  });

  it("counts the pieces of each text that its tokenizer does not know", async () => {
    const own = await loadTokenizer(gpt2());
    const encode: Tokenizer["encode"] = (text, options) => {
      for (const { index } of text.matchAll(/☃/g)) {
        options?.onUnknown?.({ text: "☃", position: index });
      }
      return own.encode(text, options);
    };
    await using knowing = await Judge.launch({ model: gpt2(), tokenizer: { ...own, encode } });
    const got = await knowing.likelihoods(["a ☃ and a ☃", "a dog", "☃ snow"]);
    expect(got.map(({ unknownPieces }) => unknownPieces)).toEqual([2, undefined, 1]);
  });

  it("is given up by its signal, and judges on afterwards", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = () => {
      controller.abort("enough");
    };
    const wanted = { code: "aborted", cause: "enough" };
    await expect(judge.likelihoods(expected.texts, { signal, onProgress })).rejects.toMatchObject(
      wanted,
    );
    await expect(judge.features(expected.texts, { signal })).rejects.toMatchObject(wanted);
    await expect(judge.mauve(made(20), made(20), { seeds: [1], signal })).rejects.toMatchObject(
      wanted,
    );
    await expect(judge.likelihoods(["still here"])).resolves.toHaveLength(1);
  });

  it("refuses texts of which MAUVE knows nothing to say, with the reason", async () => {
    await expect(judge.mauve(made(20), made(20), { seeds: [1] })).rejects.toMatchObject({
      code: "backend_rejected",
      message: expect.stringContaining("the same features"),
    });
  });

  it("refuses what is no list of texts, no features and no setting, before anything is sent", async () => {
    const invalid = async (call: Promise<unknown>, option: string, says: string) =>
      expect(call).rejects.toMatchObject({
        code: "option_invalid",
        option,
        message: expect.stringContaining(says),
      });
    await invalid(judge.likelihoods([]), "texts", "at least one text");
    await invalid(judge.features([]), "texts", "at least one text");
    await invalid(judge.features(["a", 3 as unknown as string]), "texts[1]", "a text");
    const p = made(30);
    await invalid(judge.mauve(p, made(19), { seeds: [1] }), "q.rows", "one cluster for every 10");
    await invalid(judge.mauve(made(5), p, { seeds: [1] }), "p.rows", "at least 20");
    await invalid(judge.mauve(p, made(30, 5), { seeds: [1] }), "q", "of the same judge as p");
    await invalid(judge.mauve(p, { ...p, rows: 31 }, { seeds: [1] }), "q.data", "31 rows");
    await invalid(judge.mauve(p, p, { seeds: [] }), "seeds", "at least one");
    await invalid(judge.mauve(p, p, { seeds: [-1] }), "seeds", "different integers");
    await invalid(judge.mauve(p, p, { seeds: [1], scale: NaN }), "scale", "(0, 1000]");
    await invalid(judge.mauve(p, p, { seeds: [1], buckets: 1 }), "buckets", "an integer");
    await invalid(judge.mauve(p, p, { seeds: [1], x: 1 } as never), "x", "mauve takes only");
    await invalid(judge.mauve(p, p, { seeds: [1], onTie: 1 } as never), "onTie", "a function");
    const close = { seeds: [1], explainedVariance: 0.99999999 };
    await invalid(judge.mauve(p, p, close), "explainedVariance", "(0, 0.999]");
    await invalid(judge.mauve(p, p, undefined as never), "options", "an object");
    const revived = JSON.parse(JSON.stringify(p)) as Features;
    await invalid(judge.mauve(revived, p, { seeds: [1] }), "p.data", "a Float32Array");
    await invalid(judge.mauve(p, null as never, { seeds: [1] }), "q", "features");
    await invalid(judge.mauve(p, p, { seeds: [1], signal: 1 } as never), "signal", "AbortSignal");
    await invalid(judge.features(["a"], { seeds: 1 } as never), "seeds", "takes only");
    await invalid(judge.likelihoods(["a"], null as never), "options", "an object");
    await invalid(judge.likelihoods(["a"], { onProgress: 1 } as never), "onProgress", "a function");
  });

  it("is a model that predicts the next token, or is refused", async () => {
    await expect(Judge.launch({ model: "demo" })).rejects.toMatchObject({
      code: "checkpoint_unsupported",
      message: expect.stringContaining("cannot judge texts"),
    });
    await expect(Judge.launch({ model: join(directory, "nowhere") })).rejects.toMatchObject({
      code: "checkpoint_missing",
    });
    const other = join(directory, "mismatched");
    await cp(gpt2(), other, { recursive: true });
    await cp(
      join(packageRoot, "checkpoints", "demo", "tokenizer.json"),
      join(other, "tokenizer.json"),
    );
    await expect(Judge.launch({ model: other })).rejects.toMatchObject({
      code: "tokenizer_mismatch",
    });
  });

  it("takes a tokenizer that is named, where none lies beside it", async () => {
    const bare = join(directory, "bare");
    await cp(gpt2(), bare, { recursive: true });
    await rm(join(bare, "tokenizer.json"));
    await expect(Judge.launch({ model: bare })).rejects.toMatchObject({
      code: "tokenizer_invalid",
      remedy: expect.stringContaining("`tokenizer`"),
    });
    await using named = await Judge.launch({
      model: bare,
      tokenizer: join(gpt2(), "tokenizer.json"),
    });
    await expect(named.likelihoods(expected.texts.slice(0, 2))).resolves.toEqual(
      await judge.likelihoods(expected.texts.slice(0, 2)),
    );
  });

  it.each([
    [{ tokenizer: 3 }, "tokenizer"],
    [{ maxLength: 1 }, "maxLength"],
    [{ batchSize: 0 }, "batchSize"],
    [{ device: "tpu" }, "device"],
    [{ model: "" }, "model"],
    [{ checkpoint: "demo" }, "checkpoint"],
  ])("refuses the options %j", async (options, option) => {
    await expect(Judge.launch(options as never)).rejects.toMatchObject({
      code: "option_invalid",
      option,
    });
  });

  it("ends what is pending when it is closed, and leaves no process", async () => {
    const closing = await Judge.launch({ model: gpt2() });
    const { pid } = closing.runtime;
    const pending = closing.likelihoods(expected.texts);
    const ended = expect(pending).rejects.toMatchObject({ code: "backend_closed" });
    await closing.close();
    await ended;
    await closing.close();
    await expect(closing.features(["a"])).rejects.toMatchObject({ code: "backend_closed" });
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("says how to install mauve-text where it is not", async () => {
    // A module of that name which cannot be imported stands before the real one.
    const shadow = join(directory, "shadow");
    execFileSync(python, [
      "-c",
      `import pathlib; p = pathlib.Path(${JSON.stringify(shadow)}); p.mkdir(); (p / "mauve.py").write_text("raise ImportError('not here')")`,
    ]);
    const before = process.env.PYTHONPATH;
    process.env.PYTHONPATH = shadow;
    try {
      await using without = await Judge.launch({ model: gpt2() });
      await expect(without.mauve(made(20), made(20), { seeds: [1] })).rejects.toMatchObject({
        code: "package_missing",
        remedy: expect.stringContaining("requirements-mauve.txt"),
      });
    } finally {
      if (before === undefined) delete process.env.PYTHONPATH;
      else process.env.PYTHONPATH = before;
    }
  });
});
