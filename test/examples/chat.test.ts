// @part slow
/** The page on chats does what it says: its blocks are compiled against the built package and run, and so are its commands. */
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot as root } from "../../src/foundation/packageRoot.ts";
import { blocksOfPage, newProject, STRICT_TSC, textsIn } from "./support/docsPage.ts";

const MINUTES = 60_000;
const blocks = await blocksOfPage("chat.md");
const main = join(root, "dist/cli/main.js");

describe("docs/chat.md", () => {
  let directory = "";

  beforeAll(async () => {
    directory = await newProject();
    await mkdir(join(directory, "models"));
    const model = join(directory, "models", "chat");
    await cp(join(root, "test/golden/llm/llada"), model, { recursive: true });
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it(
    "has an example that compiles, strictly, and prints what it says",
    async () => {
      const [example] = textsIn(blocks, "ts");
      await writeFile(join(directory, "chat.ts"), example);
      const options = { cwd: directory, timeout: 5 * MINUTES };
      await execa(process.execPath, [...STRICT_TSC, "chat.ts"], options);
      const { stdout } = await execa(process.execPath, ["chat.js"], options);
      expect([`${stdout}\n`]).toEqual(textsIn(blocks, "text"));
    },
    5 * MINUTES,
  );

  const commands = textsIn(blocks, "sh").join("").trim().split("\n");

  it(
    "has a command that answers a pipe, beside one for the terminal",
    async () => {
      const parts = commands.map((one) => /^(?:echo "(.*)" \| )?npx remdm (chat .*)$/.exec(one));
      expect(parts.map((part) => part?.[1])).toEqual([undefined, "Who is there?"]);
      const [, said = "", flags = ""] = parts[1] ?? [];
      const options = { cwd: directory, timeout: 5 * MINUTES, input: `${said}\n` };
      const { stdout } = await execa(process.execPath, [main, ...flags.split(" ")], options);
      expect(stdout).not.toContain("<|");
    },
    5 * MINUTES,
  );

  it("is linked from the README and the design", async () => {
    expect(await readFile(join(root, "README.md"), "utf8")).toContain("(docs/chat.md)");
    expect(await readFile(join(root, "docs/design.md"), "utf8")).toContain("(chat.md)");
  });
});
