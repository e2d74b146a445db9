/** What is said of the test files that run, when none has ended for a while. */
import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import RunningReporter, { STILL_RUNNING } from "../../scripts/testing/runningReporter.mjs";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const file = (name: string) => ({
  path: `/root/${name}`,
  context: { config: { rootDir: "/root" } },
});

function reporting() {
  const lines: string[] = [];
  const reporter = new RunningReporter();
  reporter.out = { write: (text) => lines.push(text) };
  reporter.onRunStart();
  return { reporter, lines };
}

it("names each file that runs and for how long, every 20 seconds", () => {
  const { reporter, lines } = reporting();
  reporter.onTestFileStart(file("test/a.test.ts"));
  jest.advanceTimersByTime(15_000);
  reporter.onTestFileStart(file("test/b.test.ts"));
  expect(lines).toEqual([]);
  jest.advanceTimersByTime(65_000);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toBe(`${STILL_RUNNING}test/a.test.ts (20 s), test/b.test.ts (5 s)\n`);
  expect(lines[3]).toBe(
    `${STILL_RUNNING}test/a.test.ts (1 min 20 s), test/b.test.ts (1 min 5 s)\n`,
  );
  reporter.onRunComplete();
});

it("is silent while files end, for jest names those, and when nothing runs", () => {
  const { reporter, lines } = reporting();
  reporter.onTestFileStart(file("test/slow.test.ts"));
  for (let i = 0; i < 6; i++) {
    reporter.onTestFileStart(file(`test/${i}.test.ts`));
    jest.advanceTimersByTime(15_000);
    reporter.onTestFileResult(file(`test/${i}.test.ts`));
  }
  expect(lines).toEqual([]);
  reporter.onTestFileResult(file("test/slow.test.ts"));
  jest.advanceTimersByTime(60_000);
  expect(lines).toEqual([]);
  reporter.onRunComplete();
});

it("leaves no timer", () => {
  const { reporter, lines } = reporting();
  reporter.onTestFileStart(file("test/a.test.ts"));
  reporter.onRunComplete();
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(60_000);
  expect(lines).toEqual([]);
});
