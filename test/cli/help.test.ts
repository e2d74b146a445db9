/** What the help says of models and strategies is made from the tables that the program goes by. */
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { BUNDLED_NAMES, PUBLISHED_NAMES } from "../../src/checkpoints/published.ts";
import { createProgram, main } from "../../src/cli/program.ts";
import { PRESETS } from "../../src/experiment/file/presets.ts";
import { packageVersion } from "../../src/foundation/packageRoot.ts";

afterEach(() => void jest.restoreAllMocks());

const program = await createProgram();

function helpOf(name: string): string {
  const command = program.commands.find((one) => one.name() === name);
  let text = "";
  command?.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text.replace(/\s+/g, " ");
}

describe.each(["sample", "experiment", "convert", "serve", "doctor"])("remdm %s --help", (name) => {
  it.each([...BUNDLED_NAMES, ...PUBLISHED_NAMES])("names the model %s", (model) => {
    expect(helpOf(name)).toMatch(
      new RegExp(`(?<![\\w-])${model}(?![\\w-])[^.]* \\((bundled|published)`),
    );
  });
});

it("remdm sample --help says both names of forward-backward", () => {
  expect(helpOf("sample")).toContain("forward-backward (or fb)");
});

it("remdm experiment --help names every preset", () => {
  expect(helpOf("experiment")).toContain(PRESETS.join(", "));
});

it.each(["-V", "--version"])("remdm %s prints the version", async (flag) => {
  let printed = "";
  jest.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    printed += String(chunk);
    return true;
  });
  await main([flag]);
  expect(printed).toBe(`${packageVersion()}\n`);
  expect(process.exitCode ?? 0).toBe(0);
});
