// @part slow
/**
 * What a message tells its reader to run can be run where it is read: in a checkout, and in a project that
 * has remdm installed. Every command that stands in a source is found and must be known here; a new one
 * fails until it has an entry that says how it is tried.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { execa } from "execa";
import { repairCommand, findPlaces } from "../../scripts/setup/places.mjs";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { InstalledPackage } from "./support/installedPackage.ts";
import { bareIn, pythonLiterals, quotedIn, scriptLiterals } from "./support/quoted.ts";

jest.setTimeout(300_000); // PyTorch is imported several times

const python = process.env.REMDM_PYTHON ?? "python3";
const literals = [...scriptLiterals(), ...pythonLiterals(python)];

/** `{python}` and the like are filled in; `plus` keeps a command from fetching gigabytes or running for ever. */
interface Trial {
  readonly in: "checkout" | "package" | "both";
  readonly plus?: string;
  /** The command, where the source puts it together. */
  readonly is?: () => string;
}

const HELP: Trial = { in: "both", plus: " --help" };
const extra = (module: string, version: string): (() => string) => {
  const code = `from remdm_backend.installing import install_command; import ${module} as m; print(install_command(m.REQUIREMENTS, m.${version}))`;
  return () => fromPython(code);
};

/** By the text in the source. */
const TRIALS: Record<string, Trial> = {
  "npx remdm setup": { in: "both" },
  // In the package the environment is one that it does not own; in the checkout it would be made anew.
  "npx remdm setup --repair": { in: "package" },
  "{repairCommand(places)}": {
    in: "checkout",
    is: () => repairCommand(findPlaces({}, packageRoot)),
    plus: " --help",
  },
  'REMDM_PYTHON="{python}" npx remdm setup': { in: "both" },
  'REMDM_PYTHON="{python}" npx remdm doctor': { in: "both" },
  "{setup_command()}": {
    in: "both",
    is: () => fromPython("from remdm_backend.installing import *; print(setup_command())"),
  },
  "{install_command(REQUIREMENTS, VERSION)}": {
    in: "both",
    is: extra("remdm_backend.judging.mauve", "VERSION"),
    plus: " --dry-run",
  },
  "{install_command(REQUIREMENTS, RANGE)}": {
    in: "both",
    is: extra("remdm_backend.checkpoint.transformers_library", "RANGE"),
    plus: " --dry-run",
  },
  "npx remdm checkpoints download {name}": HELP,
  "npx remdm checkpoints download {name}{pinned}": HELP,
  "npx remdm checkpoints download {checkpoint}": HELP,
  "npx remdm checkpoints download NAME": HELP,
  "npx remdm checkpoints download OWNER/NAME": HELP,
  "npx remdm checkpoints {meant}": HELP,
  "npx remdm checkpoints": { in: "both" },
  "npx remdm serve": HELP,
  "npx remdm sample": HELP,
  "npx remdm help sample": { in: "both" },
  "npx remdm help {command.name()}": { in: "both" },
  "npx remdm --help": { in: "both" },
  '"{found.executable}" -m ensurepip': { in: "both", plus: " --help" },
  'rm "{venv}"': { in: "package" },
  "npm install": { in: "checkout", plus: " --dry-run --offline --ignore-scripts" },
  "npm run kernel": { in: "checkout", plus: " -- --check" },
  "npm run schemas": { in: "checkout", plus: " -- --check" },
  "npm run strategies": { in: "checkout", plus: " -- --check" },
  "npx eslint --fix .": { in: "checkout", plus: " --help" },
  "npx prettier --write .": { in: "checkout", plus: " --help" },
  "{ruff} check --fix {files}": { in: "checkout", plus: " --help" },
  "{ruff} format {files}": { in: "checkout", plus: " --help" },
};

/** What is computed in the commands above, filled in with what is there. */
const VALUES: Record<string, (() => string) | undefined> = {
  python: () => python,
  "found.executable": () => python,
  name: () => "mdlm",
  pinned: () => " --revision v1",
  meant: () => "download",
  checkpoint: () => "mdlm",
  "command.name()": () => "checkpoints",
  venv: () => installed.link(),
  ruff: () => `cd "${join(packageRoot, "py_backend")}" && "${python}" -m ruff`,
  files: () => ". ../test",
};

/** Programs that the reader has and this machine may not have: not run here. */
const FOREIGN = [
  "brew install python@3.12",
  "conda deactivate",
  "conda install pip",
  "deactivate",
  "git lfs pull",
  "nvm install 22",
  "pyenv global 3.12",
  "ssh -L",
  "sudo apt-get install python3 python3-venv",
  "sudo apt-get install python3-venv python3-pip",
  "sudo apt-get install python{major}.{minor}-venv",
  "ulimit -n 4096",
];

/** Between backticks, and nothing that the reader is to run. */
const DESCRIPTIONS = [
  "result()",
  "remdm sample --out",
  "remdm eval --task",
  'unit: "paragraph"',
  'unit: "text"',
];

/** Commands that are put together before they stand between backticks, or are no advice. */
const BARE = [
  'REMDM_PYTHON="{sys.executable}" npx remdm setup',
  '"{sys.executable}" -m pip install {what}',
  '"{sys.executable}" -m ensurepip && {install}',
  "npm run setup -- --repair",
  "npx remdm setup --repair",
  'cd "{backend}" && "{python}" -m ruff',
  "Node packages (npm ci)",
  "npm start --",
  "npx remdm sample",
  "python -m remdm_backend.train",
];

let installed: InstalledPackage;
beforeAll(() => {
  installed = new InstalledPackage();
});
afterAll(() => {
  installed.remove();
});

function fromPython(code: string): string {
  const env = { ...process.env, PYTHONPATH: join(installed.root, "py_backend") };
  return execFileSync(python, ["-c", code], { env }).toString().trim();
}

function filledIn(text: string): string {
  return text.replaceAll(/\{([^}]+)\}/g, (whole, name: string) => VALUES[name]?.() ?? whole);
}

const outcomes = new Map<string, Promise<unknown>>();

/** Once each: several messages name the same command. */
function run(command: string, cwd: string): Promise<unknown> {
  const key = `${cwd} ${command}`;
  const outcome = outcomes.get(key) ?? runOnce(command, cwd);
  outcomes.set(key, outcome);
  return outcome;
}

async function runOnce(command: string, cwd: string) {
  const { exitCode, all } = await execa("sh", ["-c", command], {
    cwd,
    all: true,
    reject: false,
    stdin: "ignore",
    env: { REMDM_PYTHON: python, REMDM_HOME: join(installed.root, "home") },
  });
  return { command, exitCode, said: exitCode === 0 ? "" : all };
}

describe("every command in a message", () => {
  const quoted = new Set(literals.flatMap(quotedIn));

  it("is known here", () => {
    const known = new Set([...Object.keys(TRIALS), ...FOREIGN, ...DESCRIPTIONS]);
    expect([...quoted].filter((text) => !known.has(text))).toEqual([]);
  });

  it("stands between backticks", () => {
    const bare = literals.filter(({ file }) => !file.includes("testing/")).flatMap(bareIn);
    expect([...new Set(bare)].filter((text) => !BARE.includes(text))).toEqual([]);
  });

  it("that is known here is still in a message", () => {
    const entries = [...Object.keys(TRIALS), ...FOREIGN, ...DESCRIPTIONS];
    expect(entries.filter((text) => !quoted.has(text))).toEqual([]);
    const bare = new Set(literals.flatMap(bareIn));
    expect(BARE.filter((text) => !bare.has(text))).toEqual([]);
  });
});

describe("can be run", () => {
  const at = (place: "checkout" | "package") =>
    Object.entries(TRIALS).filter(([, trial]) => trial.in === place || trial.in === "both");

  it.each(at("package"))("in a project that has remdm installed: %s", async (text, trial) => {
    const command = `${trial.is?.() ?? filledIn(text)}${trial.plus ?? ""}`;
    expect(await run(command, installed.project)).toEqual({ command, exitCode: 0, said: "" });
  });

  it.each(at("checkout"))("in a checkout: %s", async (text, trial) => {
    const command = `${trial.is?.() ?? filledIn(text)}${trial.plus ?? ""}`;
    expect(await run(command, packageRoot)).toEqual({ command, exitCode: 0, said: "" });
  });
});
