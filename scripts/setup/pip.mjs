/** How pip is called, and in which environment. */
import { existsSync } from "node:fs";
import { run } from "./run.mjs";
import { say } from "./say.mjs";

const INSTALL = [
  ...["-m", "pip", "install"],
  ...["--disable-pip-version-check", "--no-input", "--progress-bar=off"],
];

/** Settings that would send packages elsewhere than into the environment in question. */
const MISLEADING = ["PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH"];

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function pipEnvironment(env = process.env) {
  const clean = Object.entries(env).filter(([name]) => !MISLEADING.includes(name));
  return { ...Object.fromEntries(clean), PYTHONUNBUFFERED: "1", PIP_REQUIRE_VIRTUALENV: "0" };
}

/**
 * @param {string} python
 * @param {readonly string[]} args of `pip install`
 * @param {string} cwd
 */
export async function pipInstall(python, args, cwd) {
  await run(python, [...INSTALL, ...args], {
    what: "Installing Python packages",
    cwd,
    env: pipEnvironment(),
  });
}

/** PyPI's PyTorch for x86 Linux is the CUDA build; without a GPU that is gigabytes for nothing. */
export function hintAtCuda(env = process.env) {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  if (env.PIP_INDEX_URL || env.PIP_EXTRA_INDEX_URL || env.PIP_FIND_LINKS) return;
  if (existsSync("/proc/driver/nvidia/version") || existsSync("/dev/nvidiactl")) return;
  say("      No NVIDIA GPU here. Should pip download packages named nvidia-*: Ctrl-C, and see");
  say('      "Two commands" in README.md for the small CPU build.');
}
