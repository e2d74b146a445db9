// @part slow
/**
 * The real set-up script with a real Python, venv and pip, on a package whose backend needs one tiny
 * package: takes it apart in the ways in which environments break, and sees it put right.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { execa } from "execa";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { makeTinyWheel, python } from "./support/tinyWheel.ts";

jest.setTimeout(300_000); // it makes environments, which takes long on a busy machine

/** Instead of the backend: its doctor imports what it needs, and nothing else. */
const DOCTOR = `DISTRIBUTIONS = {"tiny-remdm": "tiny_remdm"}\n`;
const MAIN = `
import importlib, json
from remdm_backend.doctor import DISTRIBUTIONS
problems = []
for name, module in DISTRIBUTIONS.items():
    try:
        importlib.import_module(module)
    except Exception as error:
        problems.append({"message": f"{name} cannot be imported: {error!r}", "fatal": True})
print(json.dumps({"problems": problems}))
`;
const PROJECT = `
[build-system]
requires = []
[project]
name = "remdm-backend"
dependencies = ["tiny-remdm>=1"]
`;

let scratch = "";
let root = "";
let venv = "";

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-repair-"));
  root = join(scratch, "package");
  venv = join(scratch, "home", "venv");
  cpSync(join(packageRoot, "scripts"), join(root, "scripts"), { recursive: true });
  const backend = join(root, "py_backend");
  mkdirSync(join(backend, "remdm_backend"), { recursive: true });
  writeFileSync(join(backend, "remdm_backend", "__init__.py"), "");
  writeFileSync(join(backend, "remdm_backend", "__main__.py"), MAIN);
  writeFileSync(join(backend, "remdm_backend", "doctor.py"), DOCTOR);
  writeFileSync(join(backend, "pyproject.toml"), PROJECT);
  writeFileSync(join(backend, "requirements.txt"), "tiny-remdm==1\n");
  makeTinyWheel(scratch);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function setUp(args: string[] = [], env: Record<string, string> = {}) {
  const { exitCode, stderr } = await execa(
    process.execPath,
    [join(root, "scripts", "setup.mjs"), ...args],
    {
      extendEnv: false,
      env: {
        PATH: [dirname(python), "/usr/bin", "/bin"].join(":"),
        HOME: scratch,
        REMDM_HOME: join(scratch, "home"),
        PIP_FIND_LINKS: join(scratch, "wheels"),
        PIP_NO_INDEX: "1",
        ...env,
      },
      reject: false,
    },
  );
  return { code: exitCode, said: stderr };
}

function inVenv(...args: string[]): string {
  return execFileSync(join(venv, "bin", "python"), args, { cwd: "/" })
    .toString()
    .trim();
}

const files = (): string =>
  join(inVenv("-c", "import site; print(site.getsitepackages()[0])"), "tiny_remdm");
const ALL_SET_UP = /^Everything is set up/;

async function expectRepair(args: string[] = []): Promise<string> {
  const { code, said } = await setUp(args);
  expect({ code, said }).toEqual({ code: 0, said: expect.not.stringMatching(ALL_SET_UP) });
  inVenv("-c", "import tiny_remdm");
  expect(await setUp()).toEqual({ code: 0, said: expect.stringMatching(ALL_SET_UP) });
  return said;
}

describe("an environment that the set-up made", () => {
  it("is made, whatever pip.conf says", async () => {
    mkdirSync(join(scratch, ".config", "pip"), { recursive: true });
    writeFileSync(join(scratch, ".config", "pip", "pip.conf"), "[global]\nuser = true\n");
    await expectRepair();
  });

  it("is put right when a package was taken out", async () => {
    inVenv("-m", "pip", "uninstall", "-qy", "tiny-remdm");
    await expectRepair();
  });

  it("is put right when the files of a package are gone and pip's record is not", async () => {
    rmSync(files(), { recursive: true });
    await expectRepair();
  });

  it("is put right when a package is there and cannot be imported", async () => {
    writeFileSync(join(files(), "__init__.py"), "raise OSError('libtiny.so: not found')\n");
    expect(await expectRepair()).toContain("libtiny.so: not found");
  });

  it("is made anew with --repair", async () => {
    writeFileSync(join(venv, "stray"), "");
    await expectRepair(["--repair"]);
    expect(existsSync(join(venv, "stray"))).toBe(false);
  });

  it("that stays broken is told with the command that makes it anew", async () => {
    makeTinyWheel(scratch, "raise OSError('libtiny.so: not found')");
    writeFileSync(join(files(), "__init__.py"), "raise OSError('libtiny.so: not found')\n");
    const { code, said } = await setUp();
    makeTinyWheel(scratch);
    expect(code).toBe(1);
    expect(said).toMatch(/error: A package in .*venv does not work: tiny-remdm cannot be imported/);
    expect(said).toContain("`npx remdm setup --repair`");
    await expectRepair();
  });

  it("keeps another version that fits: somebody chose it", async () => {
    writeFileSync(join(root, "py_backend", "requirements.txt"), "tiny-remdm==0.5\n");
    const metadata = `${files()}-1.dist-info`;
    const stamped = join(venv, ".remdm-setup.json");
    const { hashOf } = await import("../../scripts/setup/stamps.mjs");
    const requirements = hashOf([join(root, "py_backend", "requirements.txt")]);
    const stamps = { venv: "made", requirements: hashOf([], [requirements, root]) };
    writeFileSync(stamped, JSON.stringify(stamps));
    expect((await setUp()).said).toMatch(ALL_SET_UP);
    expect(lstatSync(metadata).isDirectory()).toBe(true);
    writeFileSync(join(root, "py_backend", "requirements.txt"), "tiny-remdm==1\n");
    await expectRepair();
  });
});

describe("an environment of the user's", () => {
  const own = () => ({ REMDM_PYTHON: join(venv, "bin", "python") });

  it("that is the set-up's own, by name or activated, is treated as that", async () => {
    expect((await setUp([], own())).said).toMatch(ALL_SET_UP);
    expect((await setUp([], { VIRTUAL_ENV: venv })).said).toMatch(ALL_SET_UP);
  });

  it("gets what it lacks, and is not removed by --repair", async () => {
    const other = join(scratch, "conda", "envs", "work");
    execFileSync(python, ["-m", "venv", other]);
    writeFileSync(join(other, "stray"), "");
    const conda = { CONDA_PREFIX: other, CONDA_DEFAULT_ENV: "work" };
    const first = await setUp([], conda);
    expect(first.said).toContain(`Python packages for the active conda environment ${other}`);
    expect(first.said).toContain("tiny-remdm==1  (missing)");
    expect(await setUp([], conda)).toEqual({ code: 0, said: expect.stringMatching(ALL_SET_UP) });
    const again = await setUp(["--repair"], conda);
    expect(again.code).toBe(0);
    expect(again.said).toContain("so it is not removed");
    expect(existsSync(join(other, "stray"))).toBe(true);

    const broken = execFileSync(join(other, "bin", "python"), [
      "-c",
      "import tiny_remdm; print(tiny_remdm.__file__)",
    ]);
    writeFileSync(broken.toString().trim(), "raise OSError('libtiny.so: not found')\n");
    const told = await setUp([], conda);
    expect(told.code).toBe(1);
    expect(told.said).toContain("active conda environment");
    expect(told.said).toContain("libtiny.so: not found");
    expect(told.said).toContain("run `conda deactivate`");
  });

  it("without pip is told with the command that brings it", async () => {
    const bare = join(scratch, "bare");
    execFileSync(python, ["-m", "venv", "--without-pip", bare]);
    const { code, said } = await setUp([], { VIRTUAL_ENV: bare });
    expect(code).toBe(1);
    expect(said).toContain(`from the active virtual environment ${bare}, has no pip`);
    const command = /`("[^`]* -m ensurepip)`/.exec(said)?.[1] ?? "";
    execFileSync("sh", ["-c", command], { stdio: "ignore" });
    expect((await setUp([], { VIRTUAL_ENV: bare })).code).toBe(0);
  });
});

it("in a folder whose .venv is a link, the backend that is there stays the other folder's", async () => {
  const lent = join(scratch, "lent");
  cpSync(root, lent, { recursive: true });
  const { findPlaces } = await import("../../scripts/setup/places.mjs");
  const { externalPython } = await import("../../scripts/setup/which-environment.mjs");
  const { externalEnvironment } = await import("../../scripts/setup/external-environment.mjs");
  for (const mark of ["package-lock.json", "tsconfig.build.json"])
    writeFileSync(join(lent, mark), "{}");
  symlinkSync(venv, join(lent, ".venv"));
  const places = findPlaces({}, lent);
  const external = externalPython(places, {});
  if (external === null) throw new Error("a linked environment is not our own");
  const step = externalEnvironment(places, external, { dev: false, thorough: true });
  const before = readFileSync(join(venv, ".remdm-setup.json"), "utf8");
  expect(await step.isDone()).toBe(true); // though no backend of this checkout is installed
  expect(readFileSync(join(venv, ".remdm-setup.json"), "utf8")).toBe(before);
});
