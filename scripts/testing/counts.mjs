/** What the test runners say of themselves, in one form, so that it can be added up. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * @param {string} text what `jest --json` wrote
 * @returns {Counts}
 */
export function jestCounts(text) {
  const report = JSON.parse(text);
  return {
    passed: report.numPassedTests,
    // A suite that could not even be loaded has no tests to fail, and is a failure all the same.
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * @param {string} xml what `pytest --junitxml` wrote
 * @returns {Counts}
 */
export function pytestCounts(xml) {
  const suites = [...xml.matchAll(/<testsuite\s([^>]*)>/g)].map(
    ([, attributes = ""]) => attributes,
  );
  if (suites.length === 0) throw new Error("no <testsuite> in pytest's report");
  const sum = (/** @type {string} */ name) =>
    suites.reduce((total, attributes) => total + attribute(attributes, name), 0);
  const failed = sum("failures") + sum("errors");
  const skipped = sum("skipped");
  // A test that passes and whose teardown fails counts as one failure.
  return { passed: Math.max(0, sum("tests") - failed - skipped), failed, skipped };
}

/**
 * @param {string} attributes
 * @param {string} name
 */
function attribute(attributes, name) {
  const value = new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)?.[1];
  if (value === undefined) throw new Error(`no ${name} in pytest's report`);
  return Number(value);
}

/**
 * The verdict over one runner: a crash, a hang and an empty run are failures whatever was counted.
 * @param {Counts | null} counts null: it left no report
 * @param {{ code: number | null, complaint: string }} end complaint: "" or what else was wrong
 * @returns {{ counts: Counts, complaint: string }}
 */
export function judge(counts, { code, complaint }) {
  const known = counts ?? { passed: 0, failed: 0, skipped: 0 };
  const why = complaint || verdict(counts, code);
  if (why === "") return { counts: known, complaint: "" };
  return { counts: { ...known, failed: Math.max(1, known.failed) }, complaint: why };
}

/**
 * @param {Counts | null} counts
 * @param {number | null} code
 */
function verdict(counts, code) {
  if (counts === null) return `left no report (${code === null ? "killed" : `exit code ${code}`})`;
  if (counts.passed + counts.failed + counts.skipped === 0) return "ran no test";
  if (counts.failed > 0) return "";
  return code === 0 ? "" : `ended with ${code === null ? "a signal" : `exit code ${code}`}`;
}

/**
 * @param {readonly Counts[]} all
 * @returns {Counts}
 */
export function add(all) {
  return all.reduce(
    (total, counts) => ({
      passed: total.passed + counts.passed,
      failed: total.failed + counts.failed,
      skipped: total.skipped + counts.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** @param {Counts} counts */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}
