/** What is known of a model before it is loaded: from a card, a config or the published list. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { modelFacts } from "../../src/checkpoints/facts.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "remdm-facts-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const write = async (name: string, value: unknown): Promise<void> => {
  await writeFile(join(directory, name), typeof value === "string" ? value : JSON.stringify(value));
};

describe("facts of a model", () => {
  it("are in the card of a bundled one", () => {
    expect(modelFacts("demo")).toEqual({ kind: "mdlm", length: 128 });
    expect(modelFacts("demo-ar")).toMatchObject({ kind: "ar" });
  });

  it("are in the list of published ones", () => {
    expect(modelFacts("sedd")).toEqual({ kind: "sedd", length: 1024 });
  });

  it.each(["llada", "dream"])("are in the config of %s as it is published", (name) => {
    const path = join(packageRoot, "test", "golden", "llm", name);
    expect(modelFacts(path)).toEqual({ kind: "mdlm", length: 96 });
  });

  it("say the blocks of a BD3-LM, beside its length", async () => {
    const path = join(packageRoot, "test", "golden", "llm", "bd3lm");
    expect(modelFacts(path)).toEqual({ kind: "mdlm", length: 32, blockLength: 4 });
    await write("config.json", { model_type: "bd3lm", block_size: 4 });
    expect(modelFacts(directory)).toEqual({ kind: "mdlm" });
    await write("config.json", { model_type: "bd3lm", block_size: "4", model_length: 32 });
    expect(modelFacts(directory)).toEqual({ kind: "mdlm", length: 32 });
    await write("config.json", { model_type: "mdlm", block_size: 4, model_length: 32 });
    expect(modelFacts(directory)).toEqual({ kind: "mdlm", length: 32 });
  });

  it.each([
    ["mdlm", "model_length"],
    ["bd3lm", "model_length"],
    ["llada", "max_sequence_length"],
    ["Dream", "max_position_embeddings"],
    ["a2d-llama", "max_position_embeddings"],
    ["a2d-qwen2", "max_position_embeddings"],
    ["a2d-qwen3", "max_position_embeddings"],
  ])("are in the config of %s, whose length is %s", async (model_type, key) => {
    await write("config.json", { model_type, [key]: 40 });
    expect(modelFacts(directory)).toEqual({ kind: "mdlm", length: 40 });
    expect(modelFacts(join(directory, "model.fp16.safetensors"))).toEqual({
      kind: "mdlm",
      length: 40,
    });
    expect(modelFacts(join(directory, "pytorch_model.bin"))).toEqual({ kind: "mdlm", length: 40 });
    await write("config.json", { model_type, [key]: "40" });
    expect(modelFacts(directory)).toEqual({ kind: "mdlm" });
  });

  it("are not known of a config of another model type", async () => {
    await write("config.json", { model_type: "bert", max_position_embeddings: 512 });
    expect(modelFacts(directory)).toEqual({});
  });

  it("are the card's where there is a config too", async () => {
    await write("card.json", { kind: "ar", length: 8 });
    await write("config.json", { model_type: "llada", max_sequence_length: 40 });
    expect(modelFacts(directory)).toEqual({ kind: "ar", length: 8 });
  });

  it("are not known of files that cannot be read, of other files, and of nothing", async () => {
    await write("card.json", "{");
    expect(modelFacts(directory)).toEqual({});
    expect(modelFacts(join(directory, "x.ckpt"))).toEqual({});
    expect(modelFacts(join(directory, "nothing"))).toEqual({});
  });
});
