// @part slow
/** The page on filling and editing does what it says: its blocks are compiled against the built package and run, and so are its commands. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot as root } from "../../src/foundation/packageRoot.ts";

const MINUTES = 60_000;
const page = await readFile(join(root, "docs/fill-and-edit.md"), "utf8");
const blocksOf = (language: string): string[] => {
  const blocks = page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"));
  return Array.from(blocks, ([, block]) => block);
};
const main = join(root, "dist/cli/main.js");
/** The words of a command after `npx remdm`; quotes hold one together. */
const wordsOf = (command: string): string[] =>
  Array.from(command.matchAll(/"[^"]*"|\S+/g), ([word]) => word.replace(/^"|"$/g, "")).slice(2);

describe("docs/fill-and-edit.md", () => {
  let directory = "";

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "remdm-fill-"));
    await mkdir(join(directory, "node_modules"));
    await symlink(root, join(directory, "node_modules", "remdm"));
    await symlink(join(root, "node_modules/@types"), join(directory, "node_modules", "@types"));
    await writeFile(join(directory, "package.json"), '{ "type": "module" }');
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
      const examples = blocksOf("ts");
      const names = examples.map((_, i) => `example${i}`);
      for (const [i, example] of examples.entries()) {
        await writeFile(join(directory, `${names[i]}.ts`), example);
      }
      await run([
        join(root, "node_modules/typescript/bin/tsc"),
        ...["--strict", "--exactOptionalPropertyTypes", "--target", "es2022"],
        ...["--lib", "es2023,esnext.disposable", "--types", "node", "--module", "nodenext"],
        ...names.map((name) => `${name}.ts`),
      ]);
      const printed: string[] = [];
      for (const name of names) printed.push(`${(await run([`${name}.js`])).stdout}\n`);
      expect(printed).toEqual(blocksOf("text"));
    },
    5 * MINUTES,
  );

  const commands = blocksOf("sh").join("").trim().split("\n");
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
