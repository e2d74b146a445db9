// @part slow
/** The page on filling and editing does what it says: its blocks are compiled against the built package and run, and so are its commands. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot as root } from "../../src/foundation/packageRoot.ts";
import { blocksOfPage, newProject, STRICT_TSC, textsIn } from "./support/docsPage.ts";

const MINUTES = 60_000;
const blocks = await blocksOfPage("fill-and-edit.md");
const main = join(root, "dist/cli/main.js");
/** The words of a command after `npx remdm`; quotes hold one together. */
const wordsOf = (command: string): string[] =>
  Array.from(command.matchAll(/"[^"]*"|\S+/g), ([word]) => word.replace(/^"|"$/g, "")).slice(2);

describe("docs/fill-and-edit.md", () => {
  let directory = "";

  beforeAll(async () => {
    directory = await newProject();
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  function run(args: readonly string[]) {
    return execa(process.execPath, args, { cwd: directory, timeout: 5 * MINUTES });
  }

  it(
    "has examples that compile, strictly, and print what it says",
    async () => {
      const examples = textsIn(blocks, "ts");
      const names = examples.map((_, i) => `example${i}`);
      for (const [i, example] of examples.entries()) {
        await writeFile(join(directory, `${names[i]}.ts`), example);
      }
      await run([...STRICT_TSC, ...names.map((name) => `${name}.ts`)]);
      const printed: string[] = [];
      for (const name of names) printed.push(`${(await run([`${name}.js`])).stdout}\n`);
      expect(printed).toEqual(textsIn(blocks, "text"));
    },
    5 * MINUTES,
  );

  const commands = textsIn(blocks, "sh").join("").trim().split("\n");
  const fills = commands.filter((command) => command.startsWith("npx remdm fill"));

  it.each(fills)(
    "has a command that fills gaps: %s",
    async (command) => {
      const args = wordsOf(command);
      const { stdout } = await run([main, ...args, ...(args.includes("--json") ? [] : ["--json"])]);
      const { samples, options } = JSON.parse(stdout) as {
        samples: readonly { text: string; gaps: readonly string[] }[];
        options: { text: string; samples: number };
      };
      expect(samples).toHaveLength(options.samples);
      expect(options.text).toBe(args[1]);
      for (const { text, gaps } of samples) {
        let gap = 0;
        expect(text).toBe(args[1].replace(/\[\d+\]/g, () => gaps[gap++]));
        expect(text).not.toMatch(/[▒[]/);
      }
    },
    5 * MINUTES,
  );

  it.each(commands.filter((command) => command.startsWith("npx remdm edit")))(
    "has a command that edits: %s",
    async (command) => {
      const [name, draft, ...flags] = wordsOf(command);
      const { stdout } = await run([main, name, draft, ...flags, "--json"]);
      const { samples, options } = JSON.parse(stdout) as {
        samples: readonly { text: string }[];
        options: { draft: string; suspect: number; t0: number };
      };
      expect(options).toMatchObject({ draft, suspect: 0.3, t0: 0.5 });
      expect(samples).toHaveLength(1);
      expect(samples[0].text).not.toContain("▒");
    },
    5 * MINUTES,
  );

  it("is linked from the README and the design", async () => {
    expect(fills.length).toBeGreaterThan(1);
    expect(await readFile(join(root, "README.md"), "utf8")).toContain("(docs/fill-and-edit.md)");
    expect(await readFile(join(root, "docs/design.md"), "utf8")).toContain("(fill-and-edit.md)");
  });
});
