/** docs/headline-orders.md and what it shows, held to the results beside it. */
import { describe, expect } from "@jest/globals";
import type { CellResult } from "../../src/experiment/run/results.ts";
import { above, entropy, ExperimentPage, ofReal, perplexity } from "./support/experimentPage.ts";

const orders = new ExperimentPage("orders", "headline-orders.md", "headline/orders");
orders.describeFiles();

describe("each statement of the page", () => {
  const STEPS = [16, 32, 128];
  const LIKELIEST = ["confidence", "margin", "entropy"];
  const at = (label: string, steps: number | null): CellResult => orders.at(label, steps);
  const repetition = ({ evaluation }: CellResult): number => Number(evaluation.repetition);
  const distinct2 = ({ evaluation }: CellResult): number => Number(evaluation.distinct2);
  const hasCollapsed = ({ evaluation }: CellResult): boolean => evaluation.collapse.collapsed;
  /** The share of real text's entropy that is lost. */
  const lost = (cell: CellResult): number => 1 - entropy(cell).value / ofReal(cell).entropy.value;

  orders.statement(
    "Confidence of the token that was drawn repeats itself.",
    [
      "LLaDA's rule, here at temperature 0.5, and `remdm-llada` collapse at every number of steps",
      "at least 15% of the 4-grams of a sample occur earlier in it (MDLM: less than 1%)",
      "distinct-2 is a quarter of MDLM's or less",
      "entropy ends at least 30% below real text's",
      "More steps make it worse, and a perplexity below 20",
    ],
    () => {
      for (const label of ["confidence, LLaDA", "remdm-llada"]) {
        const cells = STEPS.map((steps) => at(label, steps));
        expect(cells.map(hasCollapsed)).toEqual([true, true, true]);
        const shares = cells.map(repetition);
        expect(shares).toEqual([...shares].sort((a, b) => a - b));
        for (const [i, cell] of cells.entries()) {
          expect(repetition(cell)).toBeGreaterThanOrEqual(0.15);
          expect(repetition(at("mdlm", STEPS[i]))).toBeLessThan(0.01);
          expect(distinct2(cell) / distinct2(at("mdlm", STEPS[i]))).toBeLessThanOrEqual(0.25);
          expect(lost(cell)).toBeGreaterThan(0.3);
          expect(perplexity(cell).value).toBeLessThan(20);
        }
      }
      expect(at("confidence, LLaDA", 16).settings).toMatchObject({
        temperature: 0.5,
        strategy: { of: "drawn" },
      });
    },
  );

  orders.statement(
    "Confidence of the likeliest token does not.",
    [
      "With one token a step less than 2% of the 4-grams are repeated",
      "entropy stays within 3% of real text's, nothing counts as collapsed",
      "perplexity is far below MDLM's",
    ],
    () => {
      for (const label of LIKELIEST) {
        const cell = at(label, 128);
        expect(repetition(cell)).toBeLessThan(0.02);
        expect(lost(cell)).toBeLessThan(0.03);
        expect(STEPS.map((steps) => hasCollapsed(at(label, steps)))).toEqual([false, false, false]);
        expect(above(perplexity(at("mdlm", 128)), perplexity(cell))).toBeGreaterThan(4);
      }
    },
  );

  orders.statement(
    "Few steps hurt orders more than a random order.",
    [
      "With eight tokens a step `confidence`, `margin` and `entropy` have a higher perplexity than `random`",
      "that of `entropy` is more than twice as high",
    ],
    () => {
      const random = perplexity(at("random", 16));
      for (const label of LIKELIEST) {
        expect(above(perplexity(at(label, 16)), random)).toBeGreaterThan(4);
      }
      expect(perplexity(at("entropy", 16)).value / random.value).toBeGreaterThan(2);
    },
  );

  orders.statement(
    "Remasking by confidence buys perplexity with diversity.",
    [
      "`p2` counts as collapsed at every number of steps",
      "`rcr`, and `confidence` with a remasking chance of 0.04, with one token a step",
    ],
    () => {
      const collapsed = (label: string) => STEPS.map((steps) => hasCollapsed(at(label, steps)));
      expect(collapsed("p2")).toEqual([true, true, true]);
      expect(collapsed("rcr")).toEqual([false, false, true]);
      expect(collapsed("confidence + cap")).toEqual([false, false, true]);
      expect(at("confidence + cap", 128).settings).toMatchObject({ strategy: { cap: 0.04 } });
    },
  );

  orders.statement(
    "The network is rarely sure.",
    [
      "Thresholds of 0.5, 0.7 and 0.9 all need more than nine calls for ten tokens",
      "give what `confidence` gives with one token a step",
    ],
    () => {
      const confidence = at("confidence", 128);
      for (const tau of [0.5, 0.7, 0.9]) {
        const cell = at(`threshold ${tau}`, null);
        expect(cell.forwardCalls).toBeGreaterThan(0.9 * 128);
        expect(Math.abs(above(perplexity(cell), perplexity(confidence)))).toBeLessThan(2);
        expect(Math.abs(above(entropy(cell), entropy(confidence)))).toBeLessThan(2);
      }
    },
  );

  orders.statement(
    "Draw-first samplers stay where MDLM is, or better.",
    [
      "`psi`, which remasks a little, is below MDLM's perplexity with one token a step",
      "`first-hitting`, which is MDLM without a grid, is within two standard errors of it",
      "Neither loses entropy",
    ],
    () => {
      const mdlm = at("mdlm", 128);
      expect(above(perplexity(mdlm), perplexity(at("psi", 128)))).toBeGreaterThan(2);
      const first = at("first-hitting", null);
      expect(Math.abs(above(perplexity(first), perplexity(mdlm)))).toBeLessThan(2);
      for (const cell of [at("psi", 128), first]) expect(lost(cell)).toBeLessThan(0.01);
    },
  );

  orders.everyLeadIsTried();
});
