/** Which environment the set-up prepares, and that the backend is then started with that very one. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { findPlaces } from "../../scripts/setup/places.mjs";
import { externalPython } from "../../scripts/setup/which-environment.mjs";
import { pythonCandidates } from "../../src/backend/process/python.ts";

let scratch = "";
let root = "";
const at = (...parts: string[]): string => join(scratch, ...parts);

function makePython(...parts: string[]): void {
  mkdirSync(at(...parts, "bin"), { recursive: true });
  writeFileSync(at(...parts, "bin", "python"), "");
  chmodSync(at(...parts, "bin", "python"), 0o755);
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-which-"));
  root = at("checkout");
  for (const environment of ["virtual", "conda", "conda/envs/work", "named", "checkout/.venv"]) {
    makePython(...environment.split("/"));
  }
  for (const mark of ["package-lock.json", "tsconfig.build.json"])
    writeFileSync(at("checkout", mark), "");
  symlinkSync(root, at("same-checkout"));
  mkdirSync(at("lent"));
  for (const mark of ["package-lock.json", "tsconfig.build.json"])
    writeFileSync(at("lent", mark), "");
  symlinkSync(at("checkout", ".venv"), at("lent", ".venv"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Environment = Record<string, string>;

/** The environments' names in `scratch`: of what the set-up prepares, and of what the backend gets. */
function chosen(env: Environment, folder = root): [string | undefined, string | undefined] {
  const external = externalPython(findPlaces(env, folder), env);
  const python = external?.python ?? join(folder, ".venv", "bin", "python");
  const candidates = pythonCandidates(undefined, env, folder).map(({ command }) => command);
  return [
    environmentOf(python),
    environmentOf(candidates.find((path) => !path.includes("nowhere"))),
  ];
}

function environmentOf(python = ""): string {
  return dirname(dirname(python)).slice(scratch.length + 1);
}

describe("which environment is taken", () => {
  const venv = () => ({ VIRTUAL_ENV: at("virtual") });
  const work = () => ({ CONDA_PREFIX: at("conda/envs/work"), CONDA_DEFAULT_ENV: "work" });
  const base = () => ({ CONDA_PREFIX: at("conda"), CONDA_DEFAULT_ENV: "base" });
  it.each<[string, () => Environment, string]>([
    ["nothing is active", () => ({}), "checkout/.venv"],
    ["a virtual environment is active", venv, "virtual"],
    ["a conda environment is active", work, "conda/envs/work"],
    ["both: the virtual one", () => ({ ...work(), ...venv() }), "virtual"],
    [
      "REMDM_PYTHON wins",
      () => ({ ...venv(), ...work(), REMDM_PYTHON: at("named/bin/python") }),
      "named",
    ],
    ["conda's base, which is always active, is nobody's choice", base, "checkout/.venv"],
    [
      "base by its place, without its name",
      () => ({ CONDA_PREFIX: at("conda"), CONDA_EXE: at("conda/bin/conda") }),
      "checkout/.venv",
    ],
    [
      "base of micromamba",
      () => ({ CONDA_PREFIX: at("conda"), MAMBA_ROOT_PREFIX: at("conda") }),
      "checkout/.venv",
    ],
    ["base beside a virtual environment", () => ({ ...base(), ...venv() }), "virtual"],
    ["our own, activated", () => ({ VIRTUAL_ENV: at("checkout/.venv") }), "checkout/.venv"],
  ])("%s", (_, env, expected) => {
    expect(chosen(env())).toEqual([expected, expected]);
  });

  it("base serves where nothing was set up", () => {
    const commands = pythonCandidates(undefined, { ...base(), HOME: "/h" }, "/root").map(
      ({ command }) => command,
    );
    expect(commands.at(-1)).toBe(at("conda/bin/python"));
  });
});

describe("whose environment it is", () => {
  const external = (env: Environment, folder = root) =>
    externalPython(findPlaces(env, folder), env);

  it("is named in messages", () => {
    const conda = { CONDA_PREFIX: at("conda/envs/work") };
    expect(external(conda)?.origin).toBe(`the active conda environment ${at("conda/envs/work")}`);
    expect(external({ VIRTUAL_ENV: at("virtual") })?.origin).toContain("virtual environment");
  });

  it.each([
    ["named by REMDM_PYTHON", () => ({ REMDM_PYTHON: at("checkout/.venv/bin/python") })],
    ["by another path", () => ({ VIRTUAL_ENV: at("same-checkout/.venv") })],
    ["a virtual environment without Python is passed over", () => ({ VIRTUAL_ENV: "/nowhere" })],
  ])("is the set-up's own: %s", (_, env) => {
    expect(external(env())).toBeNull();
  });

  it("another folder's, where .venv is a link: it is not treated as our own", () => {
    expect(external({}, at("lent"))).toMatchObject({
      python: at("lent/.venv/bin/python"),
      linked: true,
    });
    expect(external({ VIRTUAL_ENV: at("checkout/.venv") }, at("lent"))?.linked).toBe(true);
  });
});
