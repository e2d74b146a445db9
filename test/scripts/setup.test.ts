/**
 * The real set-up script on a copy of the package, with a PATH that has only what the test puts there. A shell script
 * plays Python: it answers the probe, makes "environments" and "installs", and keeps a diary.
 */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const PYTHON = `#!/bin/sh
case "$1 $2" in
  *"/pip_settings.py "*) echo "{}" ;;
  *"/examine_environment.py "*) echo '{"install": [], "hollow": [], "backend": true}' ;;
  "-m remdm_backend") echo "import" >> "$DIARY"; echo '{"problems": []}' ;;
  "-c "*) echo "probe" >> "$DIARY"; echo "remdm-probe:$PYTHON_VERSION|64|venv+ensurepip+pip|$0" ;;
  "-m venv") echo "venv" >> "$DIARY"; /bin/mkdir -p "$3/bin"; /bin/cp "$0" "$3/bin/python" ;;
  "-m pip") echo "pip" >> "$DIARY"; [ -z "$FAKE_SLEEP" ] || exec /bin/sleep "$FAKE_SLEEP"
            [ -z "$FAKE_SAYS" ] || { echo "$FAKE_SAYS" >&2; exit 1; } ;;
esac
`;

let scratch = "";
let root = "";
let bin = "";
let diary = "";

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-setup-"));
  root = join(scratch, "package");
  bin = join(scratch, "bin");
  diary = join(scratch, "diary");
  mkdirSync(bin);
  writeFileSync(diary, "");
  cpSync(join(packageRoot, "scripts"), join(root, "scripts"), { recursive: true });
  mkdirSync(join(root, "py_backend"));
  writeFileSync(join(root, "py_backend", "requirements.txt"), "torch==2.13.0\n");
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function program(name: string, script: string): void {
  writeFileSync(join(bin, name), script);
  chmodSync(join(bin, name), 0o755);
}

function start(env: Record<string, string> = {}, args: string[] = []) {
  const child = spawn(process.execPath, [join(root, "scripts", "setup.mjs"), ...args], {
    env: {
      PATH: bin,
      REMDM_HOME: join(scratch, "home"),
      DIARY: diary,
      PYTHON_VERSION: "3.11.2",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const end = new Promise<{ code: number | null; said: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, said })),
  );
  return { child, end };
}

function setUp(env: Record<string, string> = {}, args: string[] = []) {
  return start(env, args).end;
}

/** What Python was asked to do since the last look, probes aside. */
function diaryLines(): string[] {
  const lines = readFileSync(diary, "utf8").split("\n");
  writeFileSync(diary, "");
  return lines.filter((line) => line !== "" && line !== "probe");
}

/** What it was asked to change. */
function work(): string[] {
  return diaryLines().filter((line) => line !== "import");
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("it did not happen within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("Python", () => {
  it("is missing", async () => {
    const { code, said } = await setUp();
    expect(code).toBe(1);
    expect(said).toContain("error: No Python was found.");
    expect(said).toContain("Install Python 3.10 to 3.14");
    expect(said).not.toContain("    at "); // no stack
  });

  it("is too old", async () => {
    program("python3", PYTHON);
    const { code, said } = await setUp({ PYTHON_VERSION: "3.8.18" });
    expect(code).toBe(1);
    expect(said).toContain("found only Python 3.8.18");
  });

  it("is a shim that leads nowhere", async () => {
    program("python3", '#!/bin/sh\necho "pyenv: python3: command not found" >&2\nexit 127\n');
    const { code, said } = await setUp();
    expect(code).toBe(1);
    expect(said).toContain("does not run: pyenv: python3: command not found");
  });

  it("is a broken shim with a good one behind it", async () => {
    program("python3", "#!/bin/sh\nexit 127\n");
    program("python3.12", PYTHON);
    expect((await setUp()).code).toBe(0);
    expect(work()).toEqual(["venv", "pip"]);
  });

  it("is named by REMDM_PYTHON and is not there", async () => {
    const { code, said } = await setUp({ REMDM_PYTHON: "/not/there/python" });
    expect(code).toBe(1);
    expect(said).toContain("/not/there/python (REMDM_PYTHON) does not exist");
  });
});

describe("what is done", () => {
  beforeEach(() => program("python3", PYTHON));

  it("is announced with how long it may take, and not done again", async () => {
    const first = await setUp();
    expect(first.code).toBe(0);
    expect(first.said).toMatch(/\[1\/2\] Python environment in .*: about 10 seconds/);
    expect(first.said).toMatch(/\[2\/2\] .*PyTorch.*minutes/);
    expect(work()).toEqual(["venv", "pip"]);

    const second = await setUp();
    expect(second).toEqual({ code: 0, said: expect.stringMatching(/^Everything is set up/) });
    expect(work()).toEqual([]);
  });

  it("is tried by importing it, also when nothing was done", async () => {
    await setUp();
    expect(diaryLines()).toEqual(["venv", "pip", "import"]);
    await setUp();
    expect(diaryLines()).toEqual(["import"]);
  });

  it("is made anew with --repair", async () => {
    await setUp();
    work();
    const stray = join(scratch, "home", "venv", "stray");
    writeFileSync(stray, "");
    expect((await setUp({}, ["--repair"])).code).toBe(0);
    expect(work()).toEqual(["venv", "pip"]);
    expect(existsSync(stray)).toBe(false);
  });

  it("is nothing for an option that is not known", async () => {
    const { code, said } = await setUp({}, ["--repiar"]);
    expect(code).toBe(2);
    expect(said).toContain('there is no option "--repiar"');
    expect(work()).toEqual([]);
  });

  it("is done again as far as it changed", async () => {
    await setUp();
    work();
    appendFileSync(join(root, "py_backend", "requirements.txt"), "numpy==2.4.6\n");
    expect((await setUp()).said).toContain("[1/1]");
    expect(work()).toEqual(["pip"]);
  });

  it("is done again when the environment is gone", async () => {
    await setUp();
    work();
    rmSync(join(scratch, "home", "venv"), { recursive: true });
    await setUp();
    expect(work()).toEqual(["venv", "pip"]);
  });

  it("and failed is told with its cause, and tried again", async () => {
    const failed = await setUp({ FAKE_SAYS: "OSError: [Errno 28] No space left on device" });
    expect(failed.code).toBe(1);
    expect(failed.said).toContain("Installing Python packages failed: the disk is full.");
    expect(failed.said).toContain("No space left on device"); // pip's own words
    work();
    expect((await setUp()).code).toBe(0);
    expect(work()).toEqual(["pip"]);
  });

  it.each([
    ["SIGINT" as const, 130],
    ["SIGTERM" as const, 143],
    ["SIGKILL" as const, null],
  ])("and ended half-way by %s is done again", async (signal, code) => {
    const { child, end } = start({ FAKE_SLEEP: "5" });
    await until(() => readFileSync(diary, "utf8").includes("pip"));
    child.kill(signal);
    expect((await end).code).toBe(code);
    work();
    expect((await setUp()).code).toBe(0);
    expect(work()).toEqual(["pip"]);
    expect(existsSync(join(scratch, "home", "setup.lock"))).toBe(false);
  });

  it("by two at once is done once", async () => {
    const [a, b] = await Promise.all([setUp({ FAKE_SLEEP: "1" }), setUp({ FAKE_SLEEP: "1" })]);
    expect([a.code, b.code]).toEqual([0, 0]);
    expect(work()).toEqual(["venv", "pip"]);
    expect(a.said + b.said).toContain("Another set-up is at work");
  });
});
