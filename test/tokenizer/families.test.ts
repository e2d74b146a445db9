// @part slow
/**
 * Each family's tokens and texts are those of Python's `tokenizers` 0.23.3, on 2,000 generated texts. @huggingface/tokenizers 0.2.0, a port to JavaScript, differs
 * on nine of the thirteen: docs/surprises.md.
 */
import { beforeAll, describe, expect, it } from "@jest/globals";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { FAMILIES, familyFile, scratchTokenizers } from "./support/families.ts";
import { askPython, type Answer } from "./support/python.ts";
import { generatedIds, generatedTexts } from "./support/texts.ts";

const load = scratchTokenizers();
const TEXTS = generatedTexts(2000, 14);
/** Of tokens that all vocabularies have. */
const IDS = generatedIds(500, 20, 7, 800);

describe("beside Python's tokenizers", () => {
  const answers = new Map<string, Answer>();
  beforeAll(async () => {
    const all = await askPython(FAMILIES.map(familyFile), TEXTS, IDS);
    FAMILIES.forEach((name, i) => answers.set(name, all[i]));
  }, 300_000);

  it.each(FAMILIES)("%s gives the same ids and texts", async (name) => {
    const tokenizer = await load(familyFile(name));
    const expected = answers.get(name);
    expect(await differing(tokenizer, expected)).toEqual([]);
    expect(IDS.map((ids) => tokenizer.decode(ids))).toEqual(expected?.decoded);
  });
});

async function differing(tokenizer: Tokenizer, expected: Answer | undefined): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const [i, text] of TEXTS.entries()) {
    const ids = await tokenizer.encode(text);
    const whole = await tokenizer.encode(text, { whole: true });
    const ours = { ids, whole, text: tokenizer.decode(whole) };
    const theirs = { ids: expected?.ids[i], whole: expected?.whole[i], text: expected?.texts[i] };
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) found.push({ of: text, ours, theirs });
  }
  return found.slice(0, 3);
}
