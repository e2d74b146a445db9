/** `.ci/run` on a small repository, with programs that tell where they were started instead of node and npm. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { isRunning } from "../backend/support/fakePython.ts";
import { until } from "../cli/support/program.ts";
import { describeUnless } from "../support/describeUnless.ts";

const noBash = process.platform === "win32" ? "Windows has no bash of its own" : undefined;

describeUnless(noBash, "what CI runs", () => {
  let scratch = "";
  const at = (...path: string[]) => join(scratch, ...path);
  const git = (...args: string[]) =>
    execa("git", ["-c", "user.name=a", "-c", "user.email=a@example.org", ...args], {
      cwd: at("parent", "checkout"),
    });

  beforeEach(async () => {
    scratch = mkdtempSync(join(tmpdir(), "remdm-ci-"));
    for (const path of ["parent/checkout/.ci", "parent/shared", "tmp", "bin"]) {
      mkdirSync(at(path), { recursive: true });
    }
    cpSync(join(packageRoot, ".ci", "run"), at("parent", "checkout", ".ci", "run"));
    writeFileSync(at("parent", "checkout", "kept.txt"), "committed");
    await git("init", "--quiet");
    await git("add", "-A");
    await git("commit", "--quiet", "-m", "one");
  });
  afterEach(() => rmSync(scratch, { recursive: true }));

  /** @param npm shell code: what npm does besides. */
  function start(npm = "true") {
    const log = `echo "$(basename "$0") $*|$PWD|$(ls -A | tr '\\n' ' ')|$(ls -A .. | tr '\\n' ' ')|$(cat kept.txt)|\${CI:-}" >>"${at("log")}"`;
    for (const [name, code] of [
      ["node", "true"],
      ["npm", npm],
    ] as const) {
      writeFileSync(at("bin", name), `#!/bin/sh\n${log}\n${code}\n`);
      chmodSync(at("bin", name), 0o755);
    }
    const env = { PATH: `${at("bin")}:${process.env.PATH ?? ""}`, TMPDIR: at("tmp") };
    return execa(at("parent", "checkout", ".ci", "run"), { env, reject: false });
  }
  const log = () =>
    readFileSync(at("log"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split("|"));

  it("is set-up, checks and tests, of the commit, in a clone with nothing beside it", async () => {
    writeFileSync(at("parent", "checkout", "kept.txt"), "changed since");
    writeFileSync(at("parent", "checkout", "untracked.txt"), "");
    const { exitCode, stdout, stderr } = await start(
      '[ "$1" = test ] && echo "3 passed, 0 failed" || true',
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "3 passed, 0 failed" });
    expect(stderr).toMatch(/^note: what is tested is the commit [0-9a-f]{40}, without the changes/);
    const steps = log();
    expect(steps.map(([what]) => what)).toEqual([
      "node scripts/setup.mjs --dev",
      "npm run --silent check",
      "npm test --silent",
    ]);
    for (const [, where, here, beside, kept, ci] of steps) {
      expect(where.startsWith(at("tmp"))).toBe(true);
      expect([here, beside, kept, ci]).toEqual([
        ".ci .git kept.txt ",
        "remdm ",
        "committed",
        "true",
      ]);
    }
    expect(readdirSync(at("tmp"))).toEqual([]);
  });

  it("says nothing more where nothing has changed, also of a detached commit", async () => {
    await git("checkout", "--quiet", "--detach");
    await git("commit", "--quiet", "--allow-empty", "-m", "two");
    const { exitCode, stderr } = await start();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(log()).toHaveLength(3);
  });

  it.each([
    ["run", 3],
    ["test", 3],
  ])("fails when npm %s fails, and the tests run all the same", async (which, steps) => {
    const { exitCode } = await start(`[ "$1" != ${which} ]`);
    expect(exitCode).toBe(1);
    expect(log()).toHaveLength(steps);
    expect(readdirSync(at("tmp"))).toEqual([]);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)(
    "%s ends it and what it started, at once, and the clone is gone",
    async (signal, code) => {
      const run = start(`sleep 300 & echo $! >"${at("pid")}"; wait`);
      await until(() => existsSync(at("pid")) && readFileSync(at("pid"), "utf8").endsWith("\n"));
      run.kill(signal);
      expect((await run).exitCode).toBe(code);
      const pid = Number(readFileSync(at("pid"), "utf8"));
      await until(() => !isRunning(pid));
      expect(readdirSync(at("tmp"))).toEqual([]);
    },
  );
});
