import { describe, expect, it } from "@jest/globals";
import { describe as shown, parseReport } from "../../../../src/cli/commands/doctor/examination.ts";
import { gathered } from "../../../../src/cli/commands/doctor/problems.ts";

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

describe("what is missing", () => {
  const missing = (name: string) => ({
    message: `${name} cannot be imported: ModuleNotFoundError: No module named '${name}'`,
    remedy: "Install it",
    fatal: true,
  });
  const broken = { message: "torch cannot be imported: OSError: libx", remedy: "x", fatal: true };
  const other = { message: "The schema cannot be read", remedy: "Mend it.", fatal: true };

  it("is one problem, with one remedy; what is broken is mended in the same way", () => {
    const remedy = expect.stringContaining("`npx remdm setup --repair`");
    expect(gathered([missing("numpy"), missing("pyzmq"), broken, other], PYTHON)).toEqual([
      { message: "/x/python lacks numpy, pyzmq", remedy, fatal: true },
      { ...broken, remedy },
      other,
    ]);
  });

  it.each([
    ["conda" as const, "The active conda environment (/c/python)", "`conda deactivate`"],
    ["virtualenv" as const, "The active virtual environment (/c/python)", "`deactivate`"],
    ["REMDM_PYTHON" as const, "/c/python", "unset REMDM_PYTHON"],
  ])("says that it is %s, and how to leave it", (source, name, leaving) => {
    const found = gathered([missing("numpy")], { source, path: "/c/python" });
    expect(found.map(({ message }) => message)).toEqual([`${name} lacks numpy`]);
    expect(found.map(({ remedy }) => remedy)).toEqual([expect.stringContaining(leaving)]);
    expect(found.map(({ remedy }) => remedy)).toEqual([expect.not.stringContaining("--repair")]);
  });
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
