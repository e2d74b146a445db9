import { describe, expect, it } from "@jest/globals";
import { describe as shown, gathered, parseReport } from "../../src/cli/examination.ts";

const REPORT = {
  ok: true,
  version: "0.1.0",
  packages: { torch: "2.13.0", numpy: null },
  extras: { transformers: "5.23.0", "mauve-text": null },
  cuda: { available: true, device: "H100" },
  flashAttention: true,
  attention: { float32: "sdpa", bfloat16: "flash-attn" },
  problems: [{ message: "m", remedy: "r", fatal: false }],
};
const PYTHON = { source: "checkout", path: "/x/python" } as const;

describe("the report of the Python side", () => {
  it("is read, whatever a library printed before it", () => {
    expect(parseReport(`a warning\n${JSON.stringify(REPORT)}`)).toEqual({
      version: "0.1.0",
      packages: { torch: "2.13.0", numpy: null },
      extras: { transformers: "5.23.0", "mauve-text": null },
      gpu: "H100",
      flashAttention: true,
      attention: { float32: "sdpa", bfloat16: "flash-attn" },
      problems: [{ message: "m", remedy: "r", fatal: false }],
    });
  });

  it.each(["", "no json", "{", "{}", '{"packages": {}}'])("is none: %j", (text) => {
    expect(parseReport(text)).toBeUndefined();
  });
});

it("an environment that was not set up is one problem, with one remedy", () => {
  const missing = (name: string) => ({
    message: `${name} cannot be imported: ModuleNotFoundError: No module named '${name}'`,
    remedy: "Install it",
    fatal: true,
  });
  const other = { message: "torch cannot be imported: OSError: libx", remedy: "x", fatal: true };
  expect(gathered([missing("numpy"), missing("pyzmq"), other], PYTHON)).toEqual([
    {
      message: "/x/python lacks numpy, pyzmq",
      remedy: expect.stringContaining("remdm setup"),
      fatal: true,
    },
    other,
  ]);
});

it("is shown with every problem and its remedy", () => {
  const text = shown({
    ok: false,
    remdm: "0.1.0",
    node: "v20",
    platform: "linux-x64",
    python: PYTHON,
    backend: parseReport(JSON.stringify(REPORT)) ?? null,
    trial: null,
    problems: [{ message: "It is broken", remedy: "Mend it.", fatal: true }],
  });
  expect(text).toContain("torch 2.13.0, numpy missing");
  expect(text).toContain("transformers 5.23.0, mauve-text not installed");
  expect(text).toContain("flash-attn for bfloat16");
  expect(text).toContain("problem: It is broken\n  Mend it.");
  expect(text).toContain("Not ready to sample.");
});
