/** What the tests of pages have in common: a page's blocks, and a project in which its user works. */
import { mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

export interface Block {
  readonly language: string;
  readonly text: string;
}

/** @param page in docs/. */
export async function blocksOfPage(page: string): Promise<readonly Block[]> {
  const text = await readFile(join(packageRoot, "docs", page), "utf8");
  return Array.from(text.matchAll(/^```(\w+)\n([^]*?)^```$/gm), ([, language, block]) => ({
    language,
    text: block,
  }));
}

/** Returns the texts of the blocks of a language. */
export function textsIn(blocks: readonly Block[], language: string): string[] {
  return blocks.filter((block) => block.language === language).map(({ text }) => text);
}

/** Makes a project that has the built package; the caller removes it. @returns its directory. */
export async function newProject(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "remdm-page-"));
  await mkdir(join(directory, "node_modules"));
  await symlink(packageRoot, join(directory, "node_modules", "remdm"));
  const types = join(packageRoot, "node_modules", "@types");
  await symlink(types, join(directory, "node_modules", "@types"));
  await writeFile(join(directory, "package.json"), '{ "type": "module" }');
  return directory;
}

/** How `tsc` compiles a user's file as strictly as it can. */
export const STRICT_TSC = [
  join(packageRoot, "node_modules/typescript/bin/tsc"),
  ...["--strict", "--exactOptionalPropertyTypes", "--target", "es2022"],
  ...["--lib", "es2023,esnext.disposable", "--types", "node", "--module", "nodenext"],
];
