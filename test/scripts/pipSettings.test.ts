// @part slow
/**
 * A user's pip.conf. What redirects packages, or keeps them from being installed, must not reach the
 * set-up's pip; where they come from is the user's affair. With the real pip, from files and environment.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { pipEnvironment, pipInstall, settingsThatHold } from "../../scripts/setup/pip.mjs";
import { makeTinyWheel, python } from "./support/tinyWheel.ts";

let scratch = "";
let venv = "";
let wheels = "";
const before = { ...process.env };

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-pip-"));
  execFileSync(python, ["-m", "venv", join(scratch, "venv")]);
  venv = join(scratch, "venv", "bin", "python");
  wheels = makeTinyWheel(scratch);
});
afterAll(() => {
  process.env = before;
  rmSync(scratch, { recursive: true, force: true });
});
beforeEach(() => {
  const plain = Object.entries(before).filter(([name]) => !name.startsWith("PIP_"));
  process.env = { ...Object.fromEntries(plain), HOME: join(scratch, "home") };
  delete process.env.XDG_CONFIG_HOME;
  rmSync(join(scratch, "home"), { recursive: true, force: true });
});

function configure(lines: string, section = "global"): void {
  mkdirSync(join(scratch, "home", ".config", "pip"), { recursive: true });
  writeFileSync(
    join(scratch, "home", ".config", "pip", "pip.conf"),
    // A folder of wheels instead of an index: no test asks the network.
    `[${section}]\n${lines}\nno-index = true\nfind-links = ${wheels}\n`,
  );
}

/** Installs, and says whether that was into the environment; takes it out again. */
async function arrives(): Promise<boolean> {
  await pipInstall(venv, ["tiny-remdm==1"], scratch);
  const [packages = ""] = execFileSync(venv, [
    "-c",
    "import site; print(site.getsitepackages()[0])",
  ])
    .toString()
    .split("\n");
  const found = existsSync(join(packages, "tiny_remdm", "__init__.py"));
  for (const name of ["tiny_remdm", "tiny_remdm-1.dist-info"]) {
    rmSync(join(packages, name), { recursive: true, force: true });
  }
  return found;
}

/** Each of them alone keeps pip 23 and 26 from putting a package into the environment (tried by hand). */
const BREAKING = {
  user: "true",
  target: "/tmp/remdm-not-there",
  prefix: "/tmp/remdm-not-there",
  root: "/tmp/remdm-not-there",
  python: "/not/there",
  platform: "win32",
  "python-version": "2.7",
  "dry-run": "true",
  isolated: "true",
};

describe("packages arrive in the environment", () => {
  it.each(["global", "install"])("whatever pip.conf says in [%s]", async (section) => {
    const lines = Object.entries(BREAKING).map(([name, value]) => `${name} = ${value}`);
    configure(lines.join("\n"), section);
    expect(await arrives()).toBe(true);
    expect(existsSync("/tmp/remdm-not-there")).toBe(false);
  });

  it("whatever the environment says", async () => {
    configure("");
    for (const [name, value] of Object.entries(BREAKING)) {
      process.env[`PIP_${name.toUpperCase().replaceAll("-", "_")}`] = value;
    }
    expect(await arrives()).toBe(true);
  });
});

describe("what pip does that one would not guess", () => {
  it("an empty PIP_TARGET does not undo `target` of pip.conf", async () => {
    const target = join(scratch, "target");
    configure(`target = ${target}`);
    const env = { ...process.env, PIP_TARGET: "" };
    execFileSync(venv, ["-m", "pip", "install", "-q", "tiny-remdm"], { env, stdio: "ignore" });
    expect(existsSync(join(target, "tiny_remdm"))).toBe(true);
    expect(await arrives()).toBe(true);
  });

  it("`pip config list` hides settings of other files when pip.conf has `user = true`", async () => {
    configure("user = true");
    const home = join(scratch, "home", ".config", "pip", "pip.conf");
    const ofVenv = join(scratch, "venv", "pip.conf");
    writeFileSync(home, "[global]\nuser = true\n");
    writeFileSync(ofVenv, `[global]\nno-index = true\nfind-links = ${wheels}\n`);
    const listed = execFileSync(venv, ["-m", "pip", "config", "list"], {
      env: process.env,
    }).toString();
    expect(listed).not.toContain("find-links");
    expect(await arrives()).toBe(true); // from the folder of wheels that the other file names
    rmSync(ofVenv);
  });
});

describe("what cannot be helped is told", () => {
  it("a pip.conf that pip cannot read", async () => {
    configure("");
    writeFileSync(join(scratch, "home", ".config", "pip", "pip.conf"), "user = true\n");
    await expect(pipInstall(venv, ["tiny-remdm"], scratch)).rejects.toMatchObject({
      message: expect.stringContaining("Reading pip's settings failed"),
      details: expect.stringContaining("pip.conf"),
    });
  });

  it("a demand for hashes, with the way out", async () => {
    configure("require-hashes = true");
    await expect(pipInstall(venv, ["tiny-remdm==1"], scratch)).rejects.toMatchObject({
      message: expect.stringContaining("hashes"),
      remedy: expect.stringContaining("PIP_REQUIRE_HASHES=0"),
    });
    process.env.PIP_REQUIRE_HASHES = "0";
    expect(await arrives()).toBe(true);
  });

  it("a constraint that a pinned version does not meet, with the way out", async () => {
    writeFileSync(join(scratch, "constraints"), "tiny-remdm<1\n");
    configure(`constraint = ${join(scratch, "constraints")}`);
    await expect(pipInstall(venv, ["tiny-remdm==1"], scratch)).rejects.toMatchObject({
      message: expect.stringContaining("constraint"),
      remedy: expect.stringContaining("PIP_CONSTRAINT=/dev/null"),
    });
    process.env.PIP_CONSTRAINT = "/dev/null";
    expect(await arrives()).toBe(true);
  });
});

describe("what is handed on", () => {
  const origin = {
    "index-url": "https://mirror.example/simple",
    "extra-index-url": "\nhttps://a.example\nhttps://b.example",
    cert: "/c.pem",
    proxy: "http://p.example:3128",
    "trusted-host": "mirror.example",
  };

  it("is where packages come from", () => {
    expect(settingsThatHold({ ...origin, ...BREAKING })).toEqual(origin);
    const env = pipEnvironment({ ...origin, "no-deps": "1" }, { PATH: "/bin", PIP_USER: "1" });
    expect(env).toMatchObject({
      PATH: "/bin",
      PIP_INDEX_URL: "https://mirror.example/simple",
      PIP_EXTRA_INDEX_URL: "\nhttps://a.example\nhttps://b.example",
      PIP_CERT: "/c.pem",
      PIP_CONFIG_FILE: "/dev/null",
    });
    expect(Object.keys(env)).not.toEqual(expect.arrayContaining(["PIP_USER"]));
    expect(Object.keys(env)).not.toEqual(expect.arrayContaining(["PIP_NO_DEPS"]));
  });

  it("without an index only where a folder of wheels is named", () => {
    expect(settingsThatHold({ "no-index": "1" })).toEqual({});
    const wheels = { "no-index": "1", "find-links": "/wheels" };
    expect(settingsThatHold(wheels)).toEqual(wheels);
  });
});
