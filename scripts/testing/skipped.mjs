/** Every test that was skipped, and why: a number alone hides what nobody looked at. */

/**
 * @typedef {object} Skipped
 * @property {string} test
 * @property {string | null} reason null: none is told
 */

/** What `describeUnless` (test/support/describeUnless.ts) puts into a name. */
const REASON = / \[skipped: ([^\]]*)\]/;
/** What jest calls a test that it did not run: by `skip` or `-t`, and by `todo`. */
const UNRUN = new Set(["pending", "todo"]);

/**
 * @param {string} text what `jest --json` wrote
 * @param {string} root the folder that paths are told from
 * @returns {Skipped[]}
 */
export function jestSkipped(text, root) {
  const { testResults } = JSON.parse(text);
  return testResults.flatMap((/** @type {any} */ { name, assertionResults }) =>
    assertionResults
      .filter((/** @type {any} */ { status }) => UNRUN.has(status))
      .map((/** @type {any} */ { fullName }) => ({
        test: `${name.replace(root, "").replace(/^[\\/]/, "")}: ${fullName.replace(REASON, "")}`,
        reason: REASON.exec(fullName)?.[1] ?? null,
      })),
  );
}

/**
 * @param {string} xml what `pytest --junitxml` wrote
 * @returns {Skipped[]}
 */
export function pytestSkipped(xml) {
  const cases = xml.matchAll(/<testcase ([^>]*[^/>])>\s*<skipped ([^>]*)>([^<]*)/g);
  return [...cases].map(([, test = "", skip = "", details = ""]) => {
    const file = attribute(test, "classname").replaceAll(".", "/");
    // Of a whole file the message does not tell the reason.
    const [, whole] = /Skipped: (.*)["']\)$/.exec(plain(details)) ?? [];
    return {
      test: [file, attribute(test, "name")].filter((part) => part !== "").join(": "),
      reason: whole ?? (attribute(skip, "message") || null),
    };
  });
}

/**
 * @param {string} attributes
 * @param {string} name
 */
function attribute(attributes, name) {
  return plain(new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? "");
}

/** @param {string} xml */
function plain(xml) {
  return xml.replace(/&(lt|gt|quot|amp|#10);/g, (_, entity) => ENTITIES[entity] ?? "");
}

/** @type {Record<string, string>} */
const ENTITIES = { lt: "<", gt: ">", quot: '"', amp: "&", "#10": " " };

/**
 * Lines for a person: each reason once, with the tests that it kept from running.
 * @param {readonly Skipped[]} skipped
 * @returns {string[]}
 */
export function skippedLines(skipped) {
  /** @type {Map<string, string[]>} */
  const byReason = new Map();
  const unexplained = skipped.filter(({ reason }) => reason === null).length;
  for (const { test, reason } of skipped) {
    if (reason !== null) byReason.set(reason, [...(byReason.get(reason) ?? []), test]);
  }
  return [
    ...[...byReason].flatMap(([reason, tests]) => [
      `Skipped: ${reason}`,
      ...tests.map((test) => `  ${test}`),
    ]),
    ...(unexplained === 0 ? [] : [`Skipped without a reason: ${unexplained} (left out by -t?)`]),
  ];
}
