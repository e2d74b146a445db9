// @part slow
/** The page "Orders of revealing" does what it says: its blocks run against the built package. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot as root } from "../../src/foundation/packageRoot.ts";

const MINUTES = 60_000;
const page = await readFile(join(root, "docs/orders.md"), "utf8");
const blocks = Array.from(page.matchAll(/^```(\w+)\n([^]*?)^```$/gm), ([, language, text]) => ({
  language,
  text,
}));
const textsOf = (language: string): string[] =>
  blocks.filter((block) => block.language === language).map(({ text }) => text);

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "remdm-orders-"));
  await mkdir(join(directory, "node_modules"));
  await symlink(root, join(directory, "node_modules", "remdm"));
  await writeFile(join(directory, "package.json"), '{ "type": "module" }');
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

it("has a program that prints what the page says", async () => {
  const [program] = textsOf("js");
  const [printed] = textsOf("text");
  await writeFile(join(directory, "orders.js"), program);
  const { stdout } = await execa(process.execPath, ["orders.js"], { cwd: directory });
  expect(stdout).toBe(printed.trim());
});

it.each(textsOf("sh").flatMap((text) => text.trim().split("\n")))(
  "has a command that samples: %s",
  async (command) => {
    const [, , ...args] = command.split(" ");
    const main = join(root, "dist/cli/main.js");
    const env = { NO_COLOR: "1", FORCE_COLOR: undefined };
    const { stdout, stderr } = await execa(process.execPath, [main, ...args], {
      cwd: directory,
      env,
    });
    expect(stdout.trim()).not.toBe("");
    expect(stdout).not.toContain("▒");
    expect(stderr).toMatch(/forward calls/);
  },
  3 * MINUTES,
);

it("is linked from the page about strategies", async () => {
  expect(await readFile(join(root, "docs/strategies.md"), "utf8")).toContain("(orders.md)");
});
