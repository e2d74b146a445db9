/** Names of the Hugging Face hub and directories of its cache, given for a checkpoint. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { cachedModel, hubRemedy } from "../../src/checkpoints/hub/names.ts";
import { resolveJudge } from "../../src/evaluation/judge/judgeOptions.ts";
import { readExperiment, resolveExperiment } from "../../src/experiment/file/read.ts";
import { resolveLaunch } from "../../src/program/launchOptions.ts";

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-hub-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("a name of the hub", () => {
  it("is answered with the command that fetches it", () => {
    expect(() => resolveLaunch({ checkpoint: "kuleshov-group/mdlm-owt" })).toThrow(
      expect.objectContaining({
        code: "checkpoint_missing",
        remedy: expect.stringMatching(
          /^Run `npx remdm checkpoints download kuleshov-group\/mdlm-owt`, .* or check the path\.$/,
        ),
      }),
    );
    const model = "openai-community/gpt2-large";
    expect(() => resolveJudge({ model })).toThrow(
      expect.objectContaining({
        remedy: expect.stringContaining(`checkpoints download ${model}\``),
      }),
    );
    const strategies = ["mdlm"];
    const grid = { name: "x", steps: 2, models: [{ checkpoint: "a-b/c.d", strategies }] };
    expect(() => resolveExperiment(grid)).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining("checkpoints download a-b/c.d`") }),
    );
  });

  it("is answered with the revision that it names", () => {
    expect(hubRemedy("a-b/c.d@refs/pr/2")).toContain(
      "Run `npx remdm checkpoints download a-b/c.d --revision refs/pr/2`",
    );
  });

  it.each([
    "a/b@",
    "a/b@../c",
    "a/b@c@d",
    "a@b/c",
    "a/b@-c",
    "a/b.ckpt",
    "a/b.safetensors",
    "./a/b",
    "a/b/c",
    "a",
    "/a/b",
    "src/b",
    "../b",
    "",
  ])("%j is none", (path) => {
    expect(hubRemedy(path)).toBeUndefined();
  });
});

describe("a model in the hub's cache", () => {
  it("is in a snapshot, which the message names: that of main", () => {
    const root = join(scratch, "models--kuleshov-group--mdlm-owt");
    for (const revision of ["aaa", "bbb"]) {
      mkdirSync(join(root, "snapshots", revision), { recursive: true });
    }
    mkdirSync(join(root, "refs"));
    writeFileSync(join(root, "refs", "main"), "bbb\n");
    for (const checkpoint of [root, join(root, "snapshots")]) {
      expect(() => resolveLaunch({ checkpoint })).toThrow(
        expect.objectContaining({
          code: "checkpoint_unsupported",
          remedy: `Name the directory of the snapshot: ${join(root, "snapshots", "bbb")}`,
        }),
      );
    }
    const checkpoint = join(root, "snapshots", "aaa");
    expect(resolveLaunch({ checkpoint }).checkpoint).toBe(checkpoint);
  });

  it("has one snapshot, or none", () => {
    const one = join(scratch, "models--a--one");
    mkdirSync(join(one, "snapshots", "abc"), { recursive: true });
    expect(cachedModel(one)).toEqual({ snapshot: join(one, "snapshots", "abc") });
    const none = join(scratch, "models--a--none");
    mkdirSync(join(none, "snapshots"), { recursive: true });
    expect(cachedModel(none)).toEqual({ snapshot: undefined });
    expect(cachedModel(scratch)).toBeUndefined();
  });
});

describe("no judge, said in words", () => {
  const file = (judge: string) => {
    const path = join(scratch, "grid.yaml");
    writeFileSync(
      path,
      `name: x\njudge: ${judge}\nsteps: 2\nmodels:\n  - checkpoint: demo\n    strategies: [mdlm]\n`,
    );
    return path;
  };

  it.each(["none", "None", "no", "off"])("judge: %s in a file is answered with false", (judge) => {
    expect(() => readExperiment(file(judge))).toThrow(
      expect.objectContaining({
        code: "experiment_invalid",
        message: expect.stringMatching(/grid\.yaml:2: judge is "\w+", which is no model$/),
        remedy: "For neither perplexity nor MAUVE set judge to false.",
      }),
    );
  });

  it("judge: ~ is null in YAML, and the message says it", () => {
    expect(() => readExperiment(file("~"))).toThrow(
      /grid\.yaml:2: judge is null \(as YAML reads `~` and an empty value\), which is not allowed/,
    );
  });

  it("judge: false is none", () => {
    expect(readExperiment(file("false")).judge).toBe(false);
  });

  it("a program is told to launch none", () => {
    expect(() => resolveJudge({ model: "none" })).toThrow(
      expect.objectContaining({ code: "option_invalid", option: "model" }),
    );
  });
});
