// @part slow
/** The page on guides does what it says: its block is a user's file, compiled against the built package and run. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot as root } from "../../src/foundation/packageRoot.ts";

const MINUTES = 60_000;
const page = await readFile(join(root, "docs/guide.md"), "utf8");
const blockOf = (language: string): string => {
  const found = [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"))];
  expect(found).toHaveLength(1);
  return found[0][1];
};

describe("docs/guide.md", () => {
  let directory = "";

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "remdm-guide-"));
    await mkdir(join(directory, "node_modules"));
    await symlink(root, join(directory, "node_modules", "remdm"));
    await symlink(join(root, "node_modules/@types"), join(directory, "node_modules", "@types"));
    await writeFile(join(directory, "package.json"), '{ "type": "module" }');
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
      await run([
        join(root, "node_modules/typescript/bin/tsc"),
        ...["--strict", "--exactOptionalPropertyTypes", "--target", "es2022"],
        ...["--lib", "es2023,esnext.disposable", "--types", "node", "--module", "nodenext"],
        "king.ts",
      ]);
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
