/** A strategy of the user's own from a module: what is found, and what is said where there is none. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { isModuleName } from "../../src/program/loadExport.ts";
import { loadStrategy } from "../../src/program/loadStrategy.ts";
import { OptionError, sample } from "../../src/sampler/index.ts";
import { TableDenoiser } from "../sampler/support/tableDenoiser.ts";

const SAMPLER = pathToFileURL(join(packageRoot, "src/sampler/index.ts")).href;
const HEAD = `import { defineStrategy, posterior } from ${JSON.stringify(SAMPLER)};\n`;
const define = (kind: string): string =>
  `defineStrategy({ kind: "${kind}", source: "s", summary: "s",
    options: { eta: { type: "number", default: 0.1, range: "[0, 1]", help: "h" } },
    transition: ({ eta }, step) => posterior(step, Math.min(eta, step.sigmaMax)) })`;

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-load-"));
  const write = (name: string, text: string): void => {
    writeFileSync(join(scratch, name), text);
  };
  mkdirSync(join(scratch, "c#.js#d"));
  mkdirSync(join(scratch, "folder.js"));
  write("package.json", '{ "type": "module" }');
  const both = `${HEAD}export default ${define("first")};\nexport const second = ${define("second")};\n`;
  write("both.js", both);
  write("both.mjs", both);
  write(join("c#.js#d", "both.js"), both);
  write(
    "others.js",
    `${HEAD}export const made = ${define("made")}({ eta: 0.3 });\nexport const text = "mdlm";
     export const raw = { kind: "raw", source: "s", summary: "s", transition: () => ({}) };
     export const impostor = Object.assign(() => 1, { definition: raw });\n`,
  );
  write("empty.js", "export {};\n");
  write("throws.js", 'throw new Error("not today");\n');
  write("throwsText.js", 'throw "not today";\n');
  write("wrong.js", `${HEAD}export default defineStrategy({ kind: "a b" });\n`);
  write("lost.js", 'import "./nowhere.js";\n');
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it.each([
  ["./mine.js", true],
  ["mine.mjs#fading", true],
  ["../lib/mine.cjs", true],
  ["~/mine.ts#a", true],
  ["./a#b/mine.js#c", true],
  ["remdm-cap+loop", false],
  ["mine", false],
  ["./mine.json", false],
  ["mine.js/", false],
])("%s names a module: %s", (name, isModule) => {
  expect(isModuleName(name)).toBe(isModule);
});

describe("a module's strategy is found", () => {
  it.each([
    ["./both.js", "first", "both.js"],
    ["both.js#second", "second", "both.js"],
    ["./both.mjs", "first", "both.mjs"],
    ["./both.mjs#default", "first", "both.mjs"],
    ["./c#.js#d/both.js#second", "second", "c#.js#d/both.js"],
    ["./c#.js#d/both.js", "first", "c#.js#d/both.js"],
  ])("%s", async (name, kind, file) => {
    const { make, path } = await loadStrategy(name, scratch);
    expect(path).toBe(join(scratch, file));
    expect(make.with({ eta: 0.5 })).toEqual({ kind, eta: 0.5 });
    const { tokens } = await sample(new TableDenoiser(4), { strategy: make, steps: 3 });
    expect(tokens[0]).toHaveLength(4);
  });

  it("also with options of its own, which are defaults then", async () => {
    const { make } = await loadStrategy("./others.js#made", scratch);
    expect(make.with({})).toEqual({ kind: "made", eta: 0.3 });
    expect(make.with({ eta: 0.5 })).toEqual({ kind: "made", eta: 0.5 });
  });

  it("by its absolute path", async () => {
    const { make } = await loadStrategy(join(scratch, "both.js#second"), "/");
    expect(make.definition.kind).toBe("second");
  });
});

describe("what is missing is named", () => {
  it.each<[string, RegExp, RegExp]>([
    ["./none.js", /^There is nothing at .*none\.js, which "\.\/none\.js" names$/, /Check the path/],
    ["./none.js#a", /^There is nothing at .*none\.js, which "\.\/none\.js#a" names$/, /built in/],
    ["./both.js#third", /both\.js has no export named "third"$/, /Name one .*: default, second\.$/],
    ["./both.js#toString", /has no export named "toString"$/, /default, second/],
    ["./both.js#", /has no export named ""$/, /default, second/],
    ["./others.js", /others\.js has no export named "default"$/, /impostor, made, raw, text/],
    ["./empty.js", /empty\.js has no export named "default"$/, /^Export what defineStrategy ret/],
    [
      "./others.js#text",
      /^The export text of .*others\.js was not made by defineStrategy$/,
      /defineStrategy/,
    ],
    [
      "./others.js#raw",
      /^The export raw of .*others\.js was not made by defineStrategy$/,
      /defineStrategy/,
    ],
    [
      "./others.js#impostor",
      /^The export impostor of .*others\.js was not made by/,
      /defineStrategy/,
    ],
    ["./throws.js", /throws\.js cannot be imported: not today$/, /Run it with node by itself/],
    ["./throwsText.js", /throwsText\.js cannot be imported: not today$/, /Run it with node/],
    ["./wrong.js", /cannot be imported: definition\.kind must be a name of letters/, /Run it/],
    ["./lost.js", /lost\.js cannot be imported: .*nowhere\.js/, /Run it with node/],
    ["./folder.js", /folder\.js cannot be imported: /, /Run it with node/],
  ])("%s", async (name, message, remedy) => {
    const attempt = loadStrategy(name, scratch);
    await expect(attempt).rejects.toBeInstanceOf(OptionError);
    await expect(attempt).rejects.toMatchObject({
      option: "strategy",
      value: name,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(remedy),
    });
  });

  it("what a module threw is the cause", async () => {
    await expect(loadStrategy("./throws.js", scratch)).rejects.toMatchObject({
      cause: expect.objectContaining({ message: "not today" }),
    });
  });
});
