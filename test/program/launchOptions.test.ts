import { resolve } from "node:path";
import { describe, expect, it } from "@jest/globals";
import {
  resolveConnect,
  resolveLaunch,
  type LaunchOptions,
} from "../../src/program/launchOptions.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const checkpoint = packageRoot; // any path that is there
const encode = () => Promise.resolve([]);
const tokenizer = { name: "mine", vocabSize: 2, encode, decode: () => "" };

describe("resolveLaunch", () => {
  it("fills in the defaults", () => {
    expect(resolveLaunch({ checkpoint })).toEqual({
      checkpoint,
      tokenizer: undefined,
      device: "auto",
      dtype: "float32",
      rows: "auto",
      workers: undefined,
      rawWeights: false,
      python: undefined,
      startTimeoutMs: 120_000,
      onLog: undefined,
      signal: undefined,
    });
  });

  it("keeps what is given, and makes the checkpoint's path absolute", () => {
    const given = {
      checkpoint: "package.json",
      tokenizer,
      device: "cuda:1",
      dtype: "bfloat16",
      rows: "top",
      workers: 3,
      rawWeights: true,
      python: "python3",
      startTimeoutMs: 5,
      onLog: () => undefined,
      signal: new AbortController().signal,
    } as const;
    expect(resolveLaunch(given)).toEqual({ ...given, checkpoint: resolve("package.json") });
  });

  it.each<[string, unknown]>([
    ["checkpoint", 1],
    ["checkpoint", ""],
    ["checkpoint", "a\0b"],
    ["tokenizer", ""],
    ["tokenizer", { encode: () => [] }],
    ["device", "gpu"],
    ["device", "cuda:x"],
    ["device", null],
    ["dtype", "float16"],
    ["rows", "some"],
    ["workers", -1],
    ["workers", 1.5],
    ["workers", 65],
    ["rawWeights", "yes"],
    ["python", ""],
    ["startTimeoutMs", 0],
    ["startTimeoutMs", Number.NaN],
    ["startTimeoutMs", Infinity],
    ["startTimeoutMs", "1000"],
    ["onLog", true],
    ["signal", {}],
    ["checkpiont", "demo"],
  ])("refuses %s: %p", (option, value) => {
    const given = { checkpoint, [option]: value } as LaunchOptions;
    expect(() => resolveLaunch(given)).toThrow(
      expect.objectContaining({ name: "OptionError", code: "option_invalid", option }),
    );
  });

  it.each([null, 1, "demo", []])("refuses options that are no object: %j", (options) => {
    expect(() => resolveLaunch(options as LaunchOptions)).toThrow("options must be an object");
  });

  it("says which checkpoint is missing", () => {
    expect(() => resolveLaunch({ checkpoint: "no/such.ckpt" })).toThrow(
      expect.objectContaining({
        name: "CheckpointError",
        code: "checkpoint_missing",
        message: `There is no checkpoint at ${resolve("no/such.ckpt")}`,
      }),
    );
  });
});

describe("resolveConnect", () => {
  it("fills in the defaults", () => {
    expect(resolveConnect({ endpoint: "ipc:///tmp/s" })).toEqual({
      endpoint: "ipc:///tmp/s",
      tokenizer: undefined,
      rows: "auto",
      reachTimeoutMs: 10_000,
      signal: undefined,
    });
  });

  it.each([
    {},
    { endpoint: 1 },
    { endpoint: "ipc:///s", rows: 1 },
    { endpoint: "ipc:///s", device: "cpu" },
  ])("refuses %j", (given) => {
    expect(() => resolveConnect(given as { endpoint: string })).toThrow(
      expect.objectContaining({ code: "option_invalid" }),
    );
  });
});
