// @part backend
/** The list of skipped tests that `npm test` ends with: from what the runners themselves write. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { findPython } from "../../src/index.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { jestSkipped, pytestSkipped, skippedLines } from "../../scripts/testing/skipped.mjs";

const REPORTER = join(packageRoot, "scripts", "testing", "runningReporter.mjs");
const UNLESS = join(packageRoot, "test", "support", "describeUnless.ts");

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-skipped-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

it("names each test that describeUnless left out, with the reason, from jest's own report", async () => {
  const config = JSON.parse(
    JSON.stringify((await import("../../jest.config.mjs")).default),
  ) as Record<string, unknown>;
  writeFileSync(
    join(scratch, "jest.config.json"),
    JSON.stringify({
      ...config,
      rootDir: packageRoot,
      roots: [scratch],
      testMatch: ["**/inner.ts"],
      reporters: [REPORTER],
    }),
  );
  writeFileSync(
    join(scratch, "inner.ts"),
    `import { describe, it } from "@jest/globals";
     import { describeUnless } from ${JSON.stringify(UNLESS)};
     describe("outer", () => {
       describeUnless("there is no 'x' & no <y>", "with x", () => {
         it.each([1, 2])("does %i", () => { throw new Error("ran"); });
       });
       describeUnless(undefined, "with z", () => { it("runs", () => {}); });
     });`,
  );
  const report = join(scratch, "report.json");
  const { exitCode, stderr } = await execa(
    process.execPath,
    [
      "--experimental-vm-modules",
      join(packageRoot, "node_modules", "jest", "bin", "jest.js"),
      ...["--config", join(scratch, "jest.config.json"), "--json", `--outputFile=${report}`],
    ],
    { cwd: packageRoot, reject: false },
  );
  expect(exitCode === 0 ? "" : stderr).toBe("");
  const skipped = jestSkipped(readFileSync(report, "utf8"), scratch);
  expect(skippedLines(skipped)).toEqual([
    "Skipped: there is no 'x' & no <y>",
    "  inner.ts: outer with x does 1",
    "  inner.ts: outer with x does 2",
  ]);
});

it("names each test that pytest skipped, with the reason, from pytest's own report", async () => {
  writeFileSync(
    join(scratch, "test_inner.py"),
    `import pytest

@pytest.mark.skipif(True, reason="there is no 'x' & no <y>")
@pytest.mark.parametrize("n", [1, 2])
def test_does(n: int) -> None: ...

class TestZ:
    def test_runs(self) -> None: ...

    def test_asks(self) -> None:
        pytest.skip("no z\\nat all")

    @pytest.mark.xfail(reason="it is known")
    def test_fails(self) -> None:
        raise ValueError
`,
  );
  writeFileSync(join(scratch, "test_module.py"), 'import pytest\npytest.importorskip("no_such")\n');
  const report = join(scratch, "report.xml");
  const { exitCode, stdout } = await execa(
    findPython().path,
    [
      "-m",
      "pytest",
      "-p",
      "no:cacheprovider",
      `--junitxml=${report}`,
      "--rootdir",
      scratch,
      scratch,
    ],
    { cwd: scratch, reject: false },
  );
  expect(exitCode === 0 ? "" : stdout).toBe("");
  const skipped = pytestSkipped(readFileSync(report, "utf8"));
  expect(skippedLines(skipped)).toEqual([
    expect.stringMatching(/^Skipped: could not import 'no_such'/),
    "  test_module",
    "Skipped: there is no 'x' & no <y>",
    "  test_inner: test_does[1]",
    "  test_inner: test_does[2]",
    "Skipped: no z at all",
    "  test_inner/TestZ: test_asks",
    "Skipped: it is known",
    "  test_inner/TestZ: test_fails",
  ]);
});

describe("skipped tests", () => {
  it("are not mentioned when there are none", () => {
    expect(skippedLines([])).toEqual([]);
  });

  it("that a filter left out are only counted", () => {
    const left = ["a", "b"].map((test) => ({ test, reason: null }));
    expect(skippedLines(left)).toEqual(["Skipped without a reason: 2 (left out by -t?)"]);
  });
});
