// @part backend
/**
 * `scripts/golden.mjs` on small networks in the published formats of LLaDA, Dream and BD3-LM: every second
 * recorded run of the published code again, token for token, with the same number of calls. All of
 * them take the script more than a minute.
 */
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { compareGolden, MOST_APART, readGolden } from "../../scripts/golden.mjs";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const directory = join(packageRoot, "test", "golden", "llm");

describe.each([
  ["llada", 36],
  ["dream", 14],
  ["bd3lm", 5],
])("%s", (name, cases) => {
  it("gives the published tokens, and finds a token that is not theirs", async () => {
    const golden = readGolden(join(directory, `${name}.json.gz`));
    const some = golden.cases.filter((_, i) => i % 2 === 0);
    const tokens = some.reduce((sum, one) => sum + one.tokens.length, 0);
    const same = await compareGolden(join(directory, name), { ...golden, cases: some });
    expect(same).toMatchObject({ cases, tokens, different: 0, notes: [] });
    expect(same.apart).toBeLessThanOrEqual(MOST_APART);

    const [first] = golden.cases;
    const changed = { ...first, tokens: first.tokens.with(-1, first.tokens[0]) };
    const other = await compareGolden(join(directory, name), { ...golden, cases: [changed] });
    expect(other).toMatchObject({ cases: 1, different: 1 });
    expect(other.notes).toHaveLength(1);
  }, 300_000);
});
