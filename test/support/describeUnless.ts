/**
 * Tests of what is not everywhere. Jest knows no reason of a skip, so it stands in the name, where `npm test` finds
 * it (scripts/testing/skipped.mjs). Nothing else may skip a test: eslint.config.mjs.
 */
import { describe } from "@jest/globals";

/**
 * A `describe` whose tests are skipped while something is in their way.
 * @param reason what is in their way; undefined: nothing, they run.
 */
export function describeUnless(reason: string | undefined, name: string, tests: () => void): void {
  if (reason === undefined) describe(name, tests);
  // eslint-disable-next-line no-restricted-properties -- the one place that skips
  else describe.skip(`${name} [skipped: ${reason}]`, tests);
}
