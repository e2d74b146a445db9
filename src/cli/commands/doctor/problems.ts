/** Says what keeps an environment from serving, and what the reader can do about it. */
import type { Python } from "../../../index.ts";
import type { PythonSource } from "../../../backend/process/python.ts";

export interface Problem {
  readonly message: string;
  readonly remedy: string;
  /** Whether nothing can be sampled because of it. */
  readonly fatal: boolean;
}

const NOT_IMPORTED = /^(\S+) cannot be imported: /;
const NOT_INSTALLED = /^(\S+) cannot be imported: ModuleNotFoundError/;

/** Makes one problem of all missing packages: an environment that was not set up lacks each. */
export function gathered(problems: readonly Problem[], python: Python): Problem[] {
  const missing = problems.flatMap(({ message }) => NOT_INSTALLED.exec(message)?.[1] ?? []);
  const others = problems.filter(({ message }) => !NOT_INSTALLED.test(message));
  const lack = { message: `${named(python)} lacks ${missing.join(", ")}`, fatal: true };
  return [
    ...(missing.length > 0 ? [{ ...lack, remedy: `${setupAdvice(python)}.` }] : []),
    ...others.map((problem) =>
      NOT_IMPORTED.test(problem.message)
        ? { ...problem, remedy: `${setupAdvice(python)}.` }
        : problem,
    ),
  ];
}

/** How one leaves an environment that is not the set-up's. */
const LEAVING: Partial<Record<PythonSource, string>> = {
  REMDM_PYTHON: "unset REMDM_PYTHON",
  virtualenv: "`deactivate`",
  conda: "`conda deactivate`",
};

function named({ source, path }: Python): string {
  if (source === "conda") return `The active conda environment (${path})`;
  return source === "virtualenv" ? `The active virtual environment (${path})` : path;
}

function setupAdvice({ source }: Python): string {
  const leaving = LEAVING[source];
  return leaving === undefined
    ? "Run `npx remdm setup`: it installs what is missing or broken; `npx remdm setup --repair` makes the environment anew"
    : `Run \`npx remdm setup\`: it installs there what is missing; or leave that environment (${leaving}) for the one that the set-up makes`;
}
