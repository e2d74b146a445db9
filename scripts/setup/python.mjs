/** Finds a Python that can make the environment, by running each: a file that is there proves nothing. */
import { execFile } from "node:child_process";
import { SetupProblem } from "./problem.mjs";

export const OLDEST = 10;
/** Newest 3.x for which the pinned packages have builds. */
export const NEWEST = 14;
const PROBE_MS = 20_000;
const MARK = "remdm-probe:";

const PROBE = `
import sys
modules = []
for name in ("venv", "ensurepip", "pip"):
    try:
        __import__(name)
        modules.append(name)
    except ImportError:
        pass
print("${MARK}%d.%d.%d|%d|%s|%s" % (sys.version_info[:3] + (64 if sys.maxsize > 2**32 else 32, "+".join(modules), sys.executable)))
`;

/**
 * @typedef {object} Found
 * @property {string} command as it was called: "python3", "py -3"
 * @property {"works" | "broken" | "absent"} state
 * @property {readonly [number, number, number]} version zeros unless it works
 * @property {number} bits
 * @property {boolean} makesVenvs
 * @property {boolean} hasPip
 * @property {string} executable
 * @property {string} complaint what a broken one said
 */

/** @returns {string[][]} in order of preference */
export function candidates(platform = process.platform) {
  const versioned = [];
  for (let minor = NEWEST; minor >= OLDEST; minor -= 1) versioned.push([`python3.${minor}`]);
  const launcher = platform === "win32" ? [["py", "-3"]] : [];
  return [["python3"], ["python"], ...versioned, ...launcher];
}

/**
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Found>}
 */
export function probe(command, env = process.env) {
  const [program = "", ...args] = command;
  return new Promise((resolve) => {
    execFile(
      program,
      [...args, "-c", PROBE],
      { env, timeout: PROBE_MS },
      (error, stdout, stderr) => {
        const line = stdout.split(/\r?\n/).find((text) => text.startsWith(MARK));
        const found = { ...NOT_FOUND, command: command.join(" ") };
        if (line !== undefined) resolve({ ...found, ...parse(line.slice(MARK.length)) });
        else if (error !== null && /** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") {
          resolve(found);
        } else {
          const said = `${stderr}\n${stdout}`.trim().split(/\r?\n/)[0] ?? "";
          resolve({
            ...found,
            state: "broken",
            complaint: said || (error?.message ?? "said nothing"),
          });
        }
      },
    );
  });
}

/** @type {Found} */
const NOT_FOUND = {
  command: "",
  state: "absent",
  version: [0, 0, 0],
  bits: 0,
  makesVenvs: false,
  hasPip: false,
  executable: "",
  complaint: "",
};

/** @param {string} line */
function parse(line) {
  const [version = "", bits = "", names = "", executable = ""] = line.split("|");
  const modules = names.split("+");
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  return {
    state: /** @type {const} */ ("works"),
    version: /** @type {const} */ ([major, minor, patch]),
    bits: Number(bits),
    makesVenvs: modules.includes("venv") && modules.includes("ensurepip"),
    hasPip: modules.includes("pip"),
    executable,
  };
}

/** @param {Found} found */
export function isRecent(found) {
  const [major, minor] = found.version;
  return found.state === "works" && (major > 3 || (major === 3 && minor >= OLDEST));
}

/**
 * Tries the candidates one by one until one will do.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Found>}
 */
export async function findPython(env = process.env) {
  const seen = [];
  for (const command of candidates()) {
    const found = await probe(command, env);
    if (suits(found)) return found;
    seen.push(found);
  }
  return choose(seen);
}

/** @param {Found} found */
function suits(found) {
  const [, minor] = found.version;
  return isRecent(found) && minor <= NEWEST && found.bits === 64 && found.makesVenvs;
}

/**
 * The first that suits; else the newest that may do; else why none does.
 * @param {readonly Found[]} seen
 * @param {NodeJS.Platform} [platform]
 * @returns {Found}
 */
export function choose(seen, platform = process.platform) {
  const best = seen.find(suits);
  if (best !== undefined) return best;

  const recent = seen.filter(isRecent);
  const tooNew = recent.find((found) => found.makesVenvs && found.bits === 64);
  if (tooNew !== undefined) return tooNew;

  const narrow = recent.find((found) => found.bits !== 64);
  if (narrow !== undefined) {
    throw new SetupProblem(
      `${describe(narrow)} is a 32-bit build, for which PyTorch does not exist.`,
      installAdvice(platform),
    );
  }
  const bare = recent[0];
  if (bare !== undefined) {
    const [major, minor] = bare.version;
    throw new SetupProblem(
      `${describe(bare)} cannot make virtual environments: venv or ensurepip is missing.`,
      `Debian, Ubuntu: \`sudo apt-get install python${major}.${minor}-venv\`. Elsewhere install a complete Python, or set REMDM_PYTHON.`,
    );
  }
  const old = seen.filter((found) => found.state === "works");
  if (old.length > 0) {
    throw new SetupProblem(
      `Python 3.${OLDEST} or newer is needed; found only ${[...new Set(old.map(describe))].join(", ")}.`,
      installAdvice(platform),
    );
  }
  const broken = seen.find((found) => found.state === "broken");
  if (broken !== undefined) {
    throw new SetupProblem(
      `\`${broken.command}\` is in PATH but does not run: ${broken.complaint}`,
      `Repair it (a pyenv shim: \`pyenv global 3.12\`), or: ${installAdvice(platform)}`,
    );
  }
  throw new SetupProblem("No Python was found.", installAdvice(platform));
}

/** @param {Found} found */
export function describe(found) {
  return `Python ${found.version.join(".")} (${found.executable || found.command})`;
}

/** @param {NodeJS.Platform} platform */
function installAdvice(platform) {
  const how =
    platform === "darwin"
      ? "`brew install python@3.12`"
      : platform === "win32"
        ? "python.org/downloads"
        : "`sudo apt-get install python3 python3-venv` (or your system's like)";
  return `Install Python 3.${OLDEST} to 3.${NEWEST}: ${how}, or set REMDM_PYTHON to one; then run this again.`;
}
