import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { watch } from "../../scripts/testing/watch.mjs";

function run(script: string, quietMs = 60_000) {
  const { env } = process;
  return watch(process.execPath, ["-e", script], { cwd: process.cwd(), env, quietMs });
}

it("passes the exit code on", async () => {
  expect(await run("process.exit(5)")).toEqual({ code: 5, complaint: "" });
});

it("ends a jest that leaked a handle, and complains though it would exit with 0", async () => {
  const write = jest.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const hanging =
      'console.error("Jest did not exit one second after the test run has completed."); setInterval(() => {}, 1000)';
    expect(await run(hanging)).toEqual({
      code: null,
      complaint: expect.stringContaining("did not exit"),
    });
    expect(write.mock.calls.flat().join("")).toContain("Jest did not exit");
  } finally {
    write.mockRestore();
  }
});

describe("a runner that says nothing for a while", () => {
  let said: string[] = [];
  beforeEach(() => {
    said = [];
    jest.spyOn(process.stdout, "write").mockReturnValue(true);
    jest.spyOn(process.stderr, "write").mockImplementation((text) => {
      said.push(String(text));
      return true;
    });
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it("is shown with its last line, which names the file that pytest is in", async () => {
    const script =
      'process.stdout.write("tests/test_a.py .. [ 3%]\\ntests/test_b.py ."); setTimeout(() => {}, 700)';
    await run(script, 200);
    expect(said.length).toBeGreaterThan(0);
    for (const text of said) {
      expect(text).toMatch(/^\nsilent for \d+ s after: tests\/test_b\.py \.\n$/);
    }
  });

  it("and one that goes on talking is not", async () => {
    await run(
      "let n = 0; const t = setInterval(() => { console.log(n); if (++n === 8) clearInterval(t) }, 50)",
      5_000,
    );
    expect(said).toEqual([]);
  });
});
