// @part slow
/** The page "Orders of revealing" does what it says: its blocks run against the built package. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot as root } from "../../src/foundation/packageRoot.ts";
import { blocksOfPage, newProject, textsIn } from "./support/docsPage.ts";

const MINUTES = 60_000;
const blocks = await blocksOfPage("orders.md");

let directory = "";
beforeAll(async () => {
  directory = await newProject();
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

it("has a program that prints what the page says", async () => {
  const [program] = textsIn(blocks, "js");
  const [printed] = textsIn(blocks, "text");
  await writeFile(join(directory, "orders.js"), program);
  const { stdout } = await execa(process.execPath, ["orders.js"], { cwd: directory });
  expect(stdout).toBe(printed.trim());
});

it.each(textsIn(blocks, "sh").flatMap((text) => text.trim().split("\n")))(
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
