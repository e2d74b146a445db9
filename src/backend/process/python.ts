/** Finds the Python that runs the backend. It only looks at places, and starts nothing. */
import { statSync } from "node:fs";
import { delimiter, dirname, join, resolve, sep } from "node:path";
import { BackendError } from "../errors.ts";
import { userCache } from "../../foundation/home.ts";
import { checkText } from "../../foundation/checks.ts";
import { packageRoot } from "../../foundation/packageRoot.ts";

export type PythonSource =
  "option" | "REMDM_PYTHON" | "virtualenv" | "conda" | "checkout" | "cache";

export interface PythonCandidate {
  readonly source: PythonSource;
  /** A path, or a command to be found in PATH. */
  readonly command: string;
  /**
   * Whether the user named this one: if it is not there, that is an error instead of a reason to
   * look further.
   */
  readonly named: boolean;
}

export interface Python {
  readonly source: PythonSource;
  /** The absolute path of an executable file. */
  readonly path: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the Python that the backend will run with: the first candidate that exists.
 * @param option the caller's wish, a path or a command.
 * @throws BackendError python_missing, with how to get one.
 */
export function findPython(option?: string, env: Environment = process.env): Python {
  const candidates = pythonCandidates(option, env);
  for (const { source, command, named } of candidates) {
    const path = executable(command, env);
    if (path !== undefined) return { source, path };
    if (named) throw notThere(source, command);
  }
  throw new BackendError(
    "python_missing",
    `No Python environment for the backend was found; looked at ${candidates.map(({ command }) => command).join(", ")}`,
    "Run `npx remdm setup`, or set REMDM_PYTHON to a Python that has the backend's packages.",
  );
}

/**
 * Lists the candidates in order of preference: what the user names, what is activated, what the
 * set-up made. Conda's base environment comes last, because conda activates it by itself in every
 * shell.
 */
export function pythonCandidates(
  option?: string,
  env: Environment = process.env,
  root: string = packageRoot,
): PythonCandidate[] {
  if (option !== undefined) checkText("python", option, "a path or a command");
  const cache = userCache(env);
  const home = env.REMDM_HOME || (cache === undefined ? undefined : join(cache, "remdm"));
  const conda = inside("conda", env.CONDA_PREFIX);
  const isBase = isCondaBase(env);
  const candidates: (PythonCandidate | undefined)[] = [
    named("option", option),
    named("REMDM_PYTHON", env.REMDM_PYTHON),
    inside("virtualenv", env.VIRTUAL_ENV),
    isBase ? undefined : conda,
    inside("checkout", join(root, ".venv")),
    inside("cache", home === undefined ? undefined : join(home, "venv")),
    isBase ? conda : undefined,
  ];
  return candidates.filter((candidate) => candidate !== undefined);
}

function named(source: PythonSource, command: string | undefined): PythonCandidate | undefined {
  return command ? { source, command, named: true } : undefined;
}

function inside(source: PythonSource, prefix: string | undefined): PythonCandidate | undefined {
  return prefix ? { source, command: join(prefix, "bin", "python"), named: false } : undefined;
}

function isCondaBase(env: Environment): boolean {
  const { CONDA_PREFIX, CONDA_DEFAULT_ENV, CONDA_EXE, MAMBA_ROOT_PREFIX } = env;
  const roots = [CONDA_EXE ? dirname(dirname(CONDA_EXE)) : undefined, MAMBA_ROOT_PREFIX];
  return CONDA_DEFAULT_ENV === "base" || (!!CONDA_PREFIX && roots.includes(CONDA_PREFIX));
}

/** Finds the path of a program as a shell does. */
function executable(command: string, env: Environment): string | undefined {
  const isPath = command.includes(sep);
  const places = isPath ? ["."] : (env.PATH ?? "").split(delimiter).filter((place) => place !== "");
  return places.map((place) => resolve(place, command)).find(isExecutable);
}

/**
 * Any of the three permissions to execute; whether we have it shows when the program is started.
 */
const EXECUTABLE = 0o111;
const NOT_THERE = new Set<unknown>(["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG"]);

function isExecutable(path: string): boolean {
  try {
    const status = statSync(path);
    return status.isFile() && (status.mode & EXECUTABLE) !== 0;
  } catch (error) {
    const isAnswer = typeof error === "object" && error !== null && "code" in error;
    if (isAnswer && NOT_THERE.has(error.code)) return false;
    throw error; // Deno's missing permission, for example
  }
}

function notThere(source: PythonSource, command: string): BackendError {
  const origin = source === "option" ? "the option `python`" : source;
  return new BackendError(
    "python_missing",
    `${command}, from ${origin}, is not a program that can be run`,
    `Point ${origin} at the python of an environment, or leave it out: \`npx remdm setup\` makes one.`,
  );
}
