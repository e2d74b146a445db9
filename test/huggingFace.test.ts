// @part backend
/**
 * Masked language models in the format of Hugging Face, through the SDK and the real backend: tiny ones with random
 * weights, made on the spot. `llada-style` is what LLaDA's checkpoints are like: a mask in the middle of the
 * vocabulary, an embedding padded beyond it, prompt first.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { findPython, Remdm } from "../src/index.ts";
import { packageRoot } from "../src/foundation/packageRoot.ts";

const maker = join(packageRoot, "py_backend", "tests", "make_huggingface.py");
const python = findPython().path;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "remdm-hf-"));
  await execa(python, [maker, directory, "bert", "roberta", "llada-style"]);
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

describe("a directory in the format of Hugging Face", () => {
  it.each([
    { kind: "bert", prompt: "the cat", maskId: 4, vocabSize: 25, tokens: 25, ends: [2, 3] },
    { kind: "llada-style", prompt: "To be", maskId: 2, vocabSize: 320, tokens: 259, ends: [0, 1] },
  ])("samples from $kind", async ({ kind, prompt, maskId, vocabSize, tokens: known, ends }) => {
    const checkpoint = join(directory, kind);
    await using remdm = await Remdm.launch({ checkpoint });
    const { model, tokenizer } = remdm;
    expect(model).toMatchObject({ kind: "mdlm", format: "huggingface", length: 32, maskId });
    expect(model).toMatchObject({ architecture: "huggingface", vocabSize, weights: "raw" });
    expect(tokenizer).toMatchObject({ vocabSize: known, maskId, bosId: ends[0], eosId: ends[1] });

    const { tokens, texts } = await remdm
      .sample({
        strategy: { kind: "remdm-cap", eta: 0.1 },
        steps: 16,
        samples: 4,
        topP: 0.95,
        prompt,
        seed: 1,
      })
      .result();
    const prompted = await tokenizer.encode(prompt);
    for (const [i, ids] of tokens.entries()) {
      expect(ids).toHaveLength(32);
      expect([...ids.slice(0, prompted.length)]).toEqual(prompted);
      expect(ids.every((id) => id < known && id !== maskId)).toBe(true);
      expect(texts[i].startsWith(prompt)).toBe(true);
      expect(texts[i]).not.toContain("▒");
    }
  });

  it("gives the same tokens again, and others for another seed", async () => {
    await using remdm = await Remdm.launch({ checkpoint: join(directory, "roberta") });
    const sample = async (seed: number) =>
      (await remdm.sample({ strategy: { kind: "mdlm" }, steps: 8, seed }).result()).tokens;
    const first = await sample(1);
    expect(await sample(1)).toEqual(first);
    expect(await sample(2)).not.toEqual(first);
  });

  it.each(["llada", "dream"] as const)(
    "samples from %s as it is published, and runs no code of the model",
    async (name) => {
      const checkpoint = join(packageRoot, "test", "golden", "llm", name);
      await using remdm = await Remdm.launch({ checkpoint });
      expect(remdm.model).toMatchObject({ kind: "mdlm", architecture: name, maskId: 516 });
      expect(remdm.model).toMatchObject({ vocabSize: 544, length: 96, timeConditioning: false });
      expect(remdm.tokenizer).toMatchObject({ vocabSize: 517, eosId: 0 });
      const prompt = "First Citizen:\n";
      const { tokens, texts } = await remdm
        .sample({ steps: 32, length: 48, samples: 4, prompt, seed: 1 })
        .result();
      for (const [i, ids] of tokens.entries()) {
        expect(ids).toHaveLength(48);
        expect(ids.every((id) => id < 516)).toBe(true);
        expect(texts[i].startsWith(prompt)).toBe(true);
      }
    },
  );

  it("is refused when it asks for code of its own to be executed", async () => {
    const checkpoint = join(directory, "bert");
    const config = join(checkpoint, "config.json");
    const fields = JSON.parse(await readFile(config, "utf8")) as Record<string, unknown>;
    const auto_map = { AutoModelForMaskedLM: "modeling_llada2_moe.LLaDA2MoeModelLM" };
    await writeFile(config, JSON.stringify({ ...fields, model_type: "llada2_moe", auto_map }));
    await expect(Remdm.launch({ checkpoint })).rejects.toMatchObject({
      code: "checkpoint_unsupported",
      message: expect.stringContaining("remdm never does that"),
    });
  });
});
