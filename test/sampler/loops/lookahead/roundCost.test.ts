/** What `window: "auto"` learns of a device, and what it then looks ahead. */
import { describe, expect, it } from "@jest/globals";
import { fixedLook, RoundCost } from "../../../../src/sampler/loops/lookahead/roundCost.ts";

/**
 * Runs rounds on a device of c0 + c1 B ms, of which each accepts `right` of the states asked about.
 * @returns the states of each round.
 */
function runOn(cost: RoundCost, ms: (sequences: number) => number, rounds: number): number[] {
  return Array.from({ length: rounds }, () => {
    const { states } = cost.look(1);
    cost.record(states, ms(states), Math.max(1, Math.round(0.6 * states)));
    return states;
  });
}

describe("a window that is found while running", () => {
  it("grows on a device to which a sequence costs little beside a call", () => {
    const states = runOn(new RoundCost(), (sequences) => 10 + 0.6 * sequences, 60);
    expect(states.slice(0, 5)).toEqual([1, 1, 1, 1, 1]);
    expect(states[59]).toBe(16);
  });

  it("stays at one where a sequence costs a whole call, but for a few trials", () => {
    const states = runOn(new RoundCost(), (sequences) => 17 * sequences, 400);
    const more = states.reduce((sum, one) => sum + one - 1, 0);
    expect(more).toBeGreaterThan(0); // it was tried
    expect(more).toBeLessThan(20);
    expect(states.slice(20, 60)).toEqual(Array.from({ length: 40 }, () => 1));
  });

  it("is not even tried where calls compute rather than wait", () => {
    expect(Math.max(...runOn(new RoundCost(), (sequences) => 1700 * sequences, 400))).toBe(1);
  });

  it("grows for strategies that ask first only where sequences are almost free", () => {
    const growsOn = (sequence: number): boolean => {
      const states = runOn(new RoundCost("askFirst"), (sequences) => 10 + sequence * sequences, 60);
      return states[59] === 16;
    };
    expect([0.6, 6].map(growsOn)).toEqual([true, false]);
  });

  it("stays at one where calls are over at once", () => {
    expect(Math.max(...runOn(new RoundCost(), () => 0.3, 200))).toBe(1);
  });

  it("asks less of states that are unlikely, the more a sequence costs", () => {
    const priceOn = (sequence: number): number => {
      const cost = new RoundCost();
      runOn(cost, (sequences) => 10 + sequence * sequences, 40);
      return cost.look(1).price;
    };
    expect(priceOn(0.1)).toBeLessThan(priceOn(1));
    expect(priceOn(1)).toBeLessThan(priceOn(3));
  });
});

it("a window of a given size looks that far", () => {
  expect(fixedLook(1)).toMatchObject({ states: 1 });
  expect(fixedLook(6)).toMatchObject({ states: 6, depth: 6 });
});
