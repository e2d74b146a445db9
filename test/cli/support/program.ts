/** The built program in a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

export const MAIN = join(packageRoot, "dist", "cli", "main.js");

export interface End {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param env beside that of the tests. */
export function startProgram(
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const end = new Promise<End>((resolve) => {
    child.once("close", (code) => resolve({ code, ...said }));
  });
  return { child, said, end };
}

export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 40_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("it did not happen within 40 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
