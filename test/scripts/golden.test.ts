// @part backend
/**
 * `scripts/golden.mjs` on small networks in the published formats of LLaDA and Dream: every recorded
 * run of the published code again, token for token, with the same number of calls.
 */
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { compareGolden, MOST_APART, readGolden } from "../../scripts/golden.mjs";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const directory = join(packageRoot, "test", "golden", "llm");

describe.each([
  ["llada", 72, 2880],
  ["dream", 27, 1053],
])("%s", (name, cases, tokens) => {
  it("gives the published tokens, and finds a token that is not theirs", async () => {
    const golden = readGolden(join(directory, `${name}.json.gz`));
    const same = await compareGolden(join(directory, name), golden);
    expect(same).toMatchObject({ cases, tokens, different: 0, notes: [] });
    expect(same.apart).toBeLessThanOrEqual(MOST_APART);

    const [first] = golden.cases;
    const changed = { ...first, tokens: first.tokens.with(-1, first.tokens[0]) };
    const other = await compareGolden(join(directory, name), { ...golden, cases: [changed] });
    expect(other).toMatchObject({ cases: 1, different: 1 });
    expect(other.notes).toHaveLength(1);
  }, 300_000);
});
