import { describe, expect, it } from "@jest/globals";
import { Confidence } from "../../../src/sampler/loops/confidence.ts";

describe("confidence", () => {
  it("shares a remask out by softmax(-psi) over the revealed positions", () => {
    const confidence = new Confidence(4);
    confidence.reveal(0, 0.9);
    confidence.reveal(2, 0.1);
    const total = confidence.total();
    const [sure, unsure] = [confidence.share(0, total), confidence.share(2, total)];
    expect(sure + unsure).toBeCloseTo(1, 15);
    expect(unsure / sure).toBeCloseTo(Math.exp(0.8), 12);
    expect(confidence.share(1, total)).toBe(0);
  });

  it("forgets a position that is remasked", () => {
    const confidence = new Confidence(2);
    confidence.reveal(0, 0.5);
    confidence.reveal(1, 0.5);
    confidence.remask(0);
    expect(confidence.share(0, confidence.total())).toBe(0);
    expect(confidence.share(1, confidence.total())).toBe(1);
  });
});
