// @part slow
/** The page on guides does what it says: its block is a user's file, compiled against the built package and run. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot as root } from "../../src/foundation/packageRoot.ts";
import { blocksOfPage, newProject, STRICT_TSC, textsIn } from "./support/docsPage.ts";

const MINUTES = 60_000;
const blocks = await blocksOfPage("guide.md");
const blockOf = (language: string): string => {
  const found = textsIn(blocks, language);
  expect(found).toHaveLength(1);
  return found[0];
};

describe("docs/guide.md", () => {
  let directory = "";

  beforeAll(async () => {
    directory = await newProject();
    await writeFile(join(directory, "king.ts"), blockOf("ts"));
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  function run(args: readonly string[]) {
    return execa(process.execPath, args, { cwd: directory, timeout: 5 * MINUTES });
  }

  it(
    "has an example that compiles, strictly, and prints what it says",
    async () => {
      await run([...STRICT_TSC, "king.ts"]);
      const { stdout } = await run(["king.js"]);
      const [steered, guided, best] = stdout.split("\n");
      expect(steered).toBe(blockOf("text").trim());
      expect(JSON.parse(guided)).toHaveLength(4);
      expect(best).toMatch(/^[123] /);
      expect(stdout).not.toContain("▒");
    },
    5 * MINUTES,
  );

  it.each(blockOf("sh").trim().split("\n"))(
    "has a command that samples: %s",
    async (command) => {
      await writeFile(join(directory, "kings.js"), blockOf("js"));
      const [, , ...args] = command.split(" ");
      const main = join(root, "dist/cli/main.js");
      const { stdout, stderr } = await run([main, ...args]);
      expect(stdout.trim()).not.toBe("");
      expect(stdout).not.toContain("▒");
      expect(stderr).toMatch(/guide (smc|best-of-n) \(particles 8/);
      const [, reward = "none"] = /^Rewards: (\S+)$/m.exec(stderr) ?? [];
      const kings = stdout.match(/\b(king|queen|crown|lord)s?\b/gi)?.length ?? 0;
      expect(Number(reward)).toBe(kings);
      expect(kings).toBeGreaterThan(0);
    },
    5 * MINUTES,
  );

  it("is linked from the README and the design", async () => {
    expect(await readFile(join(root, "README.md"), "utf8")).toContain("(docs/guide.md)");
    expect(await readFile(join(root, "docs/design.md"), "utf8")).toContain("(guide.md)");
  });
});
