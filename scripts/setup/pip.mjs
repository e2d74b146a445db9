/**
 * How pip is called. The user's settings for it (pip.conf, PIP_*) hold for where packages come from: index,
 * proxy, certificate. Settings that would send them elsewhere than into the environment, or nowhere,
 * are left out. pip has no switch to undo most of them one by one (an empty PIP_TARGET does not undo
 * `target`), so its files are switched off and the settings that hold are given to it again.
 */
import { existsSync } from "node:fs";
import { devNull } from "node:os";
import { fileURLToPath } from "node:url";
import { run } from "./run.mjs";
import { say } from "./say.mjs";

const SETTINGS = fileURLToPath(new URL("pip_settings.py", import.meta.url));
const INSTALL = [
  ...["-m", "pip", "install"],
  ...["--disable-pip-version-check", "--no-input", "--progress-bar=off"],
];
const WHAT = "Installing Python packages";

/** By pip's names of its options. */
const ELSEWHERE = ["user", "target", "prefix", "root", "python"];
const FOR_ANOTHER_MACHINE = ["platform", "python-version", "implementation", "abi"];
const HALF_DONE = ["dry-run", "no-deps", "ignore-installed", "require-virtualenv"];
const UNHEARD = ["isolated", "quiet", "config-file"];
const MISLEADING = [...ELSEWHERE, ...FOR_ANOTHER_MACHINE, ...HALF_DONE, ...UNHEARD];

/** @typedef {Record<string, string>} Settings by pip's names, without dashes in front: "index-url" */

/**
 * What a Python of the set-up runs with: it must import what is in its own environment.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function pythonEnvironment(env = process.env) {
  /** @type {NodeJS.ProcessEnv} */
  const clean = { ...env, PYTHONUNBUFFERED: "1" };
  delete clean.PYTHONHOME;
  delete clean.PYTHONPATH;
  return clean;
}

/**
 * @param {Settings} settings all that the user's pip is set to
 * @returns {Settings} those with which packages get into the environment
 */
export function settingsThatHold(settings) {
  const dropped = new Set(MISLEADING);
  // A folder of wheels in the place of an index is a choice; no index at all installs nothing.
  if (settings["find-links"] === undefined) dropped.add("no-index");
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !dropped.has(name)));
}

/**
 * @param {string} python
 * @param {readonly string[]} args of `pip install`
 * @param {string} cwd
 */
export async function pipInstall(python, args, cwd) {
  const settings = await readSettings(python, cwd);
  await run(python, [...INSTALL, ...args], { what: WHAT, cwd, env: pipEnvironment(settings) });
}

/**
 * @param {Settings} settings
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function pipEnvironment(settings, env = process.env) {
  const plain = Object.entries(pythonEnvironment(env)).filter(([name]) => !name.startsWith("PIP_"));
  const given = Object.entries(settingsThatHold(settings)).map(([name, value]) => [
    `PIP_${name.toUpperCase().replaceAll("-", "_")}`,
    value,
  ]);
  return { ...Object.fromEntries([...plain, ...given]), PIP_CONFIG_FILE: devNull };
}

/**
 * @param {string} python
 * @param {string} cwd
 * @returns {Promise<Settings>}
 */
async function readSettings(python, cwd) {
  const env = pythonEnvironment();
  const output = await run(python, [SETTINGS], { what: "Reading pip's settings", cwd, env });
  const json = output.split("\n").find((line) => line.startsWith("{")); // pip may have warned
  return JSON.parse(json ?? "{}");
}

/**
 * PyPI's PyTorch for x86 Linux is the CUDA build; without a GPU that is gigabytes for nothing.
 * @param {string} python
 * @param {string} cwd
 */
export async function hintAtCuda(python, cwd) {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  if (existsSync("/proc/driver/nvidia/version") || existsSync("/dev/nvidiactl")) return;
  const settings = await readSettings(python, cwd);
  if (["index-url", "extra-index-url", "find-links"].some((name) => settings[name])) return;
  say("      No NVIDIA GPU here. Should pip download packages named nvidia-*: Ctrl-C, and see");
  say('      "Two commands" in README.md for the small CPU build.');
}
