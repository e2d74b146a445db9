// @part slow
/**
 * The page "Your own strategy" does what it says: its blocks are a user's files, compiled against the built package
 * and run, with its shell commands beside them.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot as root } from "../../src/foundation/packageRoot.ts";
import { blocksOfPage, type Block, newProject } from "./support/docsPage.ts";

const MINUTES = 60_000;
const blocks = await blocksOfPage("strategies.md");

/** The page's files by their names, which their first lines say; blocks of one name are one file. */
const files = new Map<string, string>();
for (const { language, text } of blocks) {
  if (language !== "ts" && language !== "yaml") continue;
  const name = /^(?:\/\/|#) (\S+\.(?:ts|yaml))\n/.exec(text)?.at(1);
  if (name === undefined) throw new Error(`a block without the name of its file: ${text}`);
  files.set(name, (files.get(name) ?? "") + text);
}

/** What the page says that a block prints. */
function printedAfter(block: Block): string {
  const next = blocks[blocks.indexOf(block) + 1];
  return next.language === "text" ? next.text.trim() : "";
}

const commands = blocks.filter(({ language }) => language === "sh");

describe("docs/strategies.md", () => {
  let directory = "";

  beforeAll(async () => {
    directory = await newProject();
    for (const [name, text] of files) await writeFile(join(directory, name), text);
  }, MINUTES);

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  function run(command: string, args: readonly string[]) {
    const env = { NO_COLOR: "1", FORCE_COLOR: undefined };
    return execa(command, args, { cwd: directory, env, all: true, timeout: 5 * MINUTES });
  }

  /** Runs the shell block as it stands; `npx remdm` is the built program. */
  function runShell(script: string) {
    const main = join(root, "dist/cli/main.js");
    const npx = `npx() { shift; "${process.execPath}" "${main}" "$@"; }`;
    return run("bash", ["-euc", `${npx}\n${script}`]);
  }

  function blockOf(name: string): Block {
    const found = blocks.filter(({ text }) => text.startsWith(`// ${name}\n`));
    expect(found).toHaveLength(1);
    return found[0];
  }

  it(
    "has every shape and every type of option in files that compile, strictly",
    async () => {
      expect([...files.keys()]).toEqual(["mine.ts", "sample.ts", "own.yaml", "exact.ts"]);
      const mine = files.get("mine.ts") ?? "";
      expect(mine).toMatch(/^ {2}transition: /m);
      expect(mine).toMatch(/^ {2}nextEvent: /m);
      expect(mine).toMatch(/^ {2}select: /m);
      for (const type of ["number", "integer", "flag", "choice", "variant"]) {
        expect(mine).toContain(`type: "${type}"`);
      }
      const [command] = blocks.filter(({ language }) => language === "bash");
      const [npx, tsc, ...args] = command.text.replace("\\\n", "").trim().split(/\s+/);
      expect([npx, tsc]).toEqual(["npx", "tsc"]);
      const strict = ["--strict", "--exactOptionalPropertyTypes"];
      const compiler = join(root, "node_modules/typescript/bin/tsc");
      await run(process.execPath, [compiler, ...strict, ...args]);
    },
    MINUTES,
  );

  it(
    "samples with every strategy, by calls and by names, and refuses what is out of range",
    async () => {
      const { stdout } = await run(process.execPath, ["sample.js"]);
      const lines = stdout.split("\n");
      const runs = lines.filter((line) => line.startsWith('{"kind":'));
      expect(runs.map((line) => line.replace(/ \d+$/, ""))).toEqual([
        '{"kind":"fading","eta":0.1}',
        '{"kind":"likeliest-first","doubt":0.01}',
        '{"kind":"pulsed","eta":0.1,"pulses":3,"fades":false,"shape":"wave",' +
          '"window":{"kind":"between","tOn":0.9,"tOff":0.2}}',
      ]);
      // The ask-first one asks in each step, and all of its masks are gone in the last.
      expect(runs[1]).toMatch(/ 16$/);
      expect(stdout).not.toContain("▒");
      expect(stdout.length).toBeGreaterThan(300);
      expect(printedAfter(blockOf("sample.ts"))).not.toBe("");
      expect(lines.at(-1)).toBe(printedAfter(blockOf("sample.ts")));
    },
    5 * MINUTES,
  );

  it("shows that the chances are right, without a backend", async () => {
    const { stdout } = await run(process.execPath, ["exact.js"]);
    expect(stdout).toMatch(/^0\.\d\d 0\.\d\d 0\.\d\d 0\.00$/);
    expect(stdout).toBe(printedAfter(blockOf("exact.ts")));
  });

  it.each(commands.map((block) => [block.text.trim().replace(/\s+/g, " ").slice(0, 70), block]))(
    "runs %s ...",
    async (_, block) => {
      const { all } = await runShell((block as Block).text);
      expect(all).not.toMatch(/▒/);
      expect(all.trim()).not.toBe("");
      expect(all).toContain(printedAfter(block as Block));
    },
    5 * MINUTES,
  );

  it("gives the strategies of its experiment rows of their own", async () => {
    const results = await readFile(join(directory, "own/results.jsonl"), "utf8");
    const rows = results
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly cell: unknown });
    expect(rows).toHaveLength(4);
    for (const name of ["fading", "waves", "likeliest-first"]) expect(results).toContain(name);
  });

  it("is linked from the README, the design and CONTRIBUTING", async () => {
    for (const [from, link] of [
      ["README.md", "(docs/strategies.md)"],
      ["docs/design.md", "(strategies.md)"],
      ["CONTRIBUTING.md", "(docs/strategies.md)"],
    ]) {
      expect(await readFile(join(root, from), "utf8")).toContain(link);
    }
  });
});
