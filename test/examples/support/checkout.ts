/** Makes a checkout of a published sampler, of code that a test writes. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

/** @returns the argument that names a checkout of LLaDA in this folder, with this sampler. */
export async function checkoutOf(folder: string, sampler: string): Promise<string> {
  const checkout = join(folder, "llada");
  const git = (...args: string[]) => execa("git", ["-C", checkout, ...args]);
  await mkdir(checkout);
  await git("init");
  await writeFile(join(checkout, "generate.py"), sampler);
  await git("add", ".");
  await git("-c", "user.name=remdm", "-c", "user.email=remdm@example.org", "commit", "-m", "First");
  return `llada=${checkout}`;
}
