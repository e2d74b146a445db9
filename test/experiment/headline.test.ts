/**
 * docs/headline.md and what it shows: the results are those of the committed experiment, tables and
 * pictures follow from the results, and so does each statement of the page.
 */
import { describe, expect, it } from "@jest/globals";
import type { CellResult } from "../../src/experiment/run/results.ts";
import {
  above,
  entropy,
  ExperimentPage,
  ofReal,
  perplexity,
  words,
} from "./support/experimentPage.ts";

const headline = new ExperimentPage("headline", "headline.md", "headline");
headline.describeFiles();

describe("each statement of the page", () => {
  const TOKENS = 128;
  const STEPS = [16, 32, 64, 128, 256, 512];
  const REMASKING = ["remdm-cap", "remdm-rescale", "remdm-loop"];
  const { results } = headline;
  const at = (label: string, steps: number | null): CellResult => headline.at(label, steps);
  const labelled = (label: string) => headline.labelled(label);
  const diffusion = results.filter(({ model }) => model === "demo");

  it("is made for the steps that the page names", () => {
    const { page } = headline;
    expect(page).toContain("from an eighth as many steps as tokens to four times as many");
    const steps = results.flatMap((result) => result.steps ?? []);
    expect([Math.min(...steps), Math.max(...steps)]).toEqual([TOKENS / 8, TOKENS * 4]);
  });

  headline.statement(
    "MDLM stops, remasking goes on.",
    [
      "From half as many steps as tokens on, MDLM's perplexity stays where it is, within its error",
      "falls with every doubling of the steps",
      "at the end it is far below MDLM's",
    ],
    () => {
      const mdlm = (steps: number) => perplexity(at("mdlm", steps));
      for (const steps of [128, 256, 512])
        expect(Math.abs(above(mdlm(64), mdlm(steps)))).toBeLessThan(2);
      for (const label of REMASKING) {
        const values = STEPS.map((steps) => perplexity(at(label, steps)).value);
        expect(values).toEqual([...values].sort((a, b) => b - a));
        const last = perplexity(at(label, 512));
        expect(above(perplexity(at(label, TOKENS)), last)).toBeGreaterThan(3);
        expect(above(mdlm(512), last)).toBeGreaterThan(4);
      }
    },
  );

  headline.statement(
    "Not only because of more calls.",
    [
      "makes about as many calls as `remdm-cap` with one step a token; `remdm-cap` has the lower perplexity",
    ],
    () => {
      const [mdlm, cap] = [at("mdlm", 4 * TOKENS), at("remdm-cap", TOKENS)];
      expect(cap.forwardCalls / mdlm.forwardCalls).toBeLessThan(1.1);
      expect(above(perplexity(mdlm), perplexity(cap))).toBeGreaterThan(3);
    },
  );

  headline.statement(
    "Known words, which no model judges, say the same.",
    [
      "They stay where they are for MDLM and grow for cap, rescale and loop",
      "`remdm-cap` with the most steps is the only sampler of which more than nine in ten are words",
    ],
    () => {
      const shares = labelled("mdlm").slice(2).map(words);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(0.005);
      for (const label of REMASKING) {
        expect(words(at(label, 512)) - words(at(label, 64))).toBeGreaterThan(0.025);
      }
      const most = results.filter((result) => words(result) > 0.9).map(({ cell }) => cell);
      expect(most).toEqual([at("remdm-cap", 512).cell]);
    },
  );

  headline.statement(
    "The other correctors.",
    [
      "`fb` is below MDLM at every number of steps and stops where MDLM stops",
      "`dfm` is the best up to one step a token, with more calls than the others",
      "with four, `remdm-cap` has passed it",
      "`remdm-conf` gains little, and nothing beyond one step a token",
    ],
    () => {
      for (const steps of STEPS) {
        expect(above(perplexity(at("mdlm", steps)), perplexity(at("fb", steps)))).toBeGreaterThan(
          2,
        );
      }
      for (const [label, first] of [
        ["fb", 64],
        ["remdm-conf", TOKENS],
      ] as const) {
        const change = above(perplexity(at(label, first)), perplexity(at(label, 512)));
        expect(Math.abs(change)).toBeLessThan(2);
      }
      for (const steps of STEPS.filter((some) => some <= TOKENS)) {
        const others = diffusion.filter((one) => one.steps === steps && one.label !== "dfm");
        const least = Math.min(...others.map((one) => perplexity(one).value));
        expect(perplexity(at("dfm", steps)).value).toBeLessThan(least);
        expect(at("dfm", steps).forwardCalls).toBeGreaterThan(at("remdm-cap", steps).forwardCalls);
      }
      expect(at("dfm", 16).forwardCalls).toBeGreaterThan(2 * at("remdm-cap", 16).forwardCalls);
      expect(above(perplexity(at("dfm", 512)), perplexity(at("remdm-cap", 512)))).toBeGreaterThan(
        2,
      );
    },
  );

  headline.statement(
    "A part of it is bought.",
    [
      "for cap, rescale and loop it ends below real text's, by less than the twentieth",
      "nothing counts as collapsed",
      "Their perplexity ends well below real text's",
    ],
    () => {
      for (const label of REMASKING) {
        const real = ofReal(at(label, 512));
        const own = entropy(at(label, 512));
        expect(above(entropy(at(label, 16)), own)).toBeGreaterThan(2);
        expect(above(real.entropy, own)).toBeGreaterThan(2);
        expect(1 - own.value / real.entropy.value).toBeLessThan(0.05);
        expect(above(real.perplexity, perplexity(at(label, 512)))).toBeGreaterThan(4);
      }
      expect(results.filter(({ evaluation }) => evaluation.collapse.collapsed)).toEqual([]);
    },
  );

  headline.statement(
    "The paper's own headline, MAUVE growing with steps, is neither shown nor refuted.",
    [
      "MAUVE is high for every diffusion model here",
      "that of MDLM alone differs more from one number of steps to another than the strategies differ in the mean",
      "the highest of all is that of the worst text, SEDD's with the fewest steps",
    ],
    () => {
      const mauve = ({ evaluation }: CellResult): number => Number(evaluation.mauve?.mean);
      const range = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
      const labels = [...new Set(diffusion.map(({ label }) => label))];
      const means = labels.map((label) => {
        const values = labelled(label).map(mauve);
        return values.reduce((sum, value) => sum + value, 0) / values.length;
      });
      expect(labels).toHaveLength(7);
      expect(range(labelled("mdlm").map(mauve))).toBeGreaterThan(1.5 * range(means));
      const best = [...results].sort((a, b) => mauve(b) - mauve(a))[0];
      const worst = [...results].sort((a, b) => words(a) - words(b))[0];
      const hardest = [...results].sort((a, b) => perplexity(b).value - perplexity(a).value)[0];
      expect([best, worst, hardest].map(({ cell }) => cell)).toEqual(
        [1, 2, 3].map(() => at("SEDD", 16).cell),
      );
      expect(Math.min(...[...diffusion, ...labelled("SEDD")].map(mauve))).toBeGreaterThan(0.85);
    },
  );

  headline.statement(
    undefined,
    [
      "SEDD has no nucleus, as in the original: its higher entropy and perplexity do not compare with the rest",
    ],
    () => {
      for (const steps of STEPS) {
        const [sedd, mdlm] = [at("SEDD", steps), at("mdlm", steps)];
        expect(sedd.topP).toBeNull();
        expect(above(perplexity(sedd), perplexity(mdlm))).toBeGreaterThan(4);
        expect(above(entropy(sedd), entropy(mdlm))).toBeGreaterThan(2);
      }
    },
  );

  headline.everyLeadIsTried();
});
