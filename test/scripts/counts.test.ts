import { describe, expect, it } from "@jest/globals";
import {
  add,
  closingLine,
  jestCounts,
  judge,
  pytestCounts,
} from "../../scripts/testing/counts.mjs";

function jestReport(passed: number, failed: number, pending: number, broken = 0): string {
  return JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: 0,
    numRuntimeErrorTestSuites: broken,
  });
}

function pytestReport(tests: number, failures: number, errors: number, skipped: number): string {
  const attributes = `errors="${errors}" failures="${failures}" skipped="${skipped}" tests="${tests}"`;
  return `<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" ${attributes} time="1.2"><testcase/></testsuite></testsuites>`;
}

describe("what the runners report", () => {
  it.each([
    [jestReport(5, 0, 0), { passed: 5, failed: 0, skipped: 0 }],
    [jestReport(3, 2, 1), { passed: 3, failed: 2, skipped: 1 }],
    [jestReport(3, 0, 0, 1), { passed: 3, failed: 1, skipped: 0 }],
  ])("jest %#", (text, counts) => {
    expect(jestCounts(text)).toEqual(counts);
  });

  it.each([
    [pytestReport(7, 0, 0, 0), { passed: 7, failed: 0, skipped: 0 }],
    [pytestReport(7, 1, 2, 1), { passed: 3, failed: 3, skipped: 1 }],
    [pytestReport(1, 0, 1, 0), { passed: 0, failed: 1, skipped: 0 }],
  ])("pytest %#", (xml, counts) => {
    expect(pytestCounts(xml)).toEqual(counts);
  });

  it("a report that is none is an error, not zero tests", () => {
    expect(() => pytestCounts("<html></html>")).toThrow("testsuite");
    expect(() => jestCounts("")).toThrow();
  });
});

describe("the verdict", () => {
  const fine = { passed: 4, failed: 0, skipped: 1 };
  const none = { passed: 0, failed: 0, skipped: 0 };
  it.each([
    ["passes", fine, { code: 0, complaint: "" }, 0, ""],
    [
      "failed tests speak for themselves",
      { ...fine, failed: 2 },
      { code: 1, complaint: "" },
      2,
      "",
    ],
    [
      "a bad exit code with no failure",
      fine,
      { code: 3, complaint: "" },
      1,
      "ended with exit code 3",
    ],
    ["a signal with no failure", fine, { code: null, complaint: "" }, 1, "ended with a signal"],
    ["no report", null, { code: 1, complaint: "" }, 1, "left no report (exit code 1)"],
    ["no test at all", none, { code: 0, complaint: "" }, 1, "ran no test"],
    [
      "a leaked handle, exit code 0",
      fine,
      { code: 0, complaint: "did not exit" },
      1,
      "did not exit",
    ],
  ])("%s", (_, counts, end, failed, complaint) => {
    const judged = judge(counts, end);
    expect(judged.counts.failed).toBe(failed);
    expect(judged.complaint).toBe(complaint);
  });
});

describe("the closing line", () => {
  it("is the sum of all runners", () => {
    const total = add([
      { passed: 10, failed: 1, skipped: 0 },
      { passed: 5, failed: 0, skipped: 0 },
    ]);
    expect(closingLine(total)).toBe("15 passed, 1 failed");
  });

  it("names skipped tests only when there are some", () => {
    expect(closingLine({ passed: 1, failed: 0, skipped: 2 })).toBe("1 passed, 0 failed, 2 skipped");
  });
});
