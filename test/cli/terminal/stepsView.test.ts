import { describe, expect, it } from "@jest/globals";
import { bar, clock, Rate } from "../../../src/cli/terminal/measures.ts";
import { ProgressRenderer } from "../../../src/cli/terminal/progressRenderer.ts";
import { ScrollingWindow } from "../../../src/cli/terminal/scrollingWindow.ts";
import {
  stageFacts,
  stagePicture,
  stageView,
  stepFacts,
  stepsPicture,
  stepsView,
} from "../../../src/cli/terminal/stepsView.ts";
import { widthOf } from "../../../src/cli/terminal/terminalText.ts";
import type { ProgressEvent } from "../../../src/index.ts";

function at(done: number, more: Partial<ProgressEvent> = {}): ProgressEvent {
  const counts = { finishedSamples: 0, samples: 1, forwardCalls: 12, forwardRows: 40 };
  return { type: "progress", done, total: 100, step: 0, time: 1, ...counts, ...more };
}

describe("the rate", () => {
  it("is unknown until time has passed and something was done", () => {
    const rate = new Rate();
    expect(rate.perSecond).toBeUndefined();
    rate.note(0, 5);
    expect(rate.perSecond).toBeUndefined();
    rate.note(1000, 5);
    expect(rate.perSecond).toBeUndefined();
    rate.note(2000, 25);
    expect(rate.perSecond).toBe(10);
  });

  it("is that of the last ten seconds, however many notes there were before", () => {
    const rate = new Rate();
    for (let ms = 0; ms <= 5000; ms += 5) rate.note(ms, ms); // 1000 a second
    for (let s = 6; s <= 30; s++) rate.note(1000 * s, 5000 + 2 * (s - 5)); // 2 a second
    expect(rate.perSecond).toBeCloseTo(2, 5);
  });

  it("is known even when notes are rarer than its window", () => {
    const rate = new Rate();
    rate.note(0, 0);
    rate.note(60_000, 6);
    rate.note(120_000, 12);
    expect(rate.perSecond).toBeCloseTo(0.1, 5);
  });
});

it.each([
  [0.2, "0:01"],
  [59.5, "1:00"],
  [725, "12:05"],
  [10_812, "3:00:12"],
])("%d seconds are %s", (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});

describe("the facts", () => {
  it("say how much, how fast and how long still", () => {
    expect(stepFacts(at(43), 24)).toBe(" 43%  43/100 steps  24 steps/s  0:03 left  12 calls");
  });

  it("count the samples when there are several, and the call when there is one", () => {
    const several = at(50, { samples: 4, finishedSamples: 2, forwardCalls: 1 });
    expect(stepFacts(several, undefined)).toBe(" 50%  2/4 samples  50/100 steps  1 call");
  });

  it("says that the number of steps is a bound, where it is one", () => {
    const view = stepsView(at(43), () => ({ heading: "", cells: [] }), new ScrollingWindow(), true);
    expect(view.line(24)).toBe(" 43%  43 of at most 100 steps  24 steps/s  0:03 left  12 calls");
    expect(view.picture(24, { columns: 120, rows: 20, hasColors: false })).toContain(
      "43 of at most 100 steps",
    );
  });

  it("turn slow rates round", () => {
    expect(stepFacts(at(1), 0.25)).toContain("4.0 s/step");
    expect(stepFacts(at(1), 3.14159)).toContain("3.1 steps/s");
  });

  it("leave out what does not fit, the percentage never", () => {
    for (let columns = 60; columns >= 6; columns--) {
      const text = stepFacts(at(43), 24, columns);
      expect(text.length).toBeLessThanOrEqual(columns);
      expect(text).toContain("43%");
    }
    expect(stepFacts(at(43), 24, 30)).toBe(" 43%  24 steps/s  0:03 left");
  });

  it("count 128 steps of 128, and nothing to do as done", () => {
    expect(stepFacts(at(128, { total: 128 }), 24)).toBe(
      "100%  128/128 steps  24 steps/s  12 calls",
    );
    expect(stepFacts(at(0, { total: 0 }), undefined)).toContain("100%");
  });

  it("promise no time when all is done", () => {
    expect(stepFacts(at(100), 24)).not.toContain("left");
  });
});

describe("the bar", () => {
  it.each([
    [0, "░░░░"],
    [0.5, "██░░"],
    [0.53, "██▏░"],
    [1, "████"],
    [1.7, "████"],
    [-1, "░░░░"],
  ])("of %d", (share, text) => {
    expect(bar(share, 4)).toBe(text);
  });
});

describe("the live view", () => {
  const text = `${"word ".repeat(300)}\n▒▒▒ wide 漢字漢字 ${"long".repeat(100)}`;

  it.each([
    [80, 24],
    [200, 50],
    [20, 5],
    [12, 3],
  ])("fits into %d x %d", (columns, rows) => {
    const forming = { heading: "sample 1 of 4", cells: [{ text, mark: "settled" } as const] };
    const screen = { columns, rows, hasColors: false };
    const lines = stepsPicture(at(43), 24, forming, screen, new ScrollingWindow()).split("\n");
    expect(Math.max(...lines.map(widthOf))).toBeLessThan(columns);
    expect(lines.length).toBeLessThanOrEqual(Math.max(3, rows - 2));
  });

  it("of a text that is longer than the screen shows the part that changes", () => {
    const screen = { columns: 40, rows: 12, hasColors: false };
    const settled = Array.from({ length: 40 }, (_, i) => `line ${i}\n`).join("");
    const cells = [
      { text: settled, mark: "settled" } as const,
      { text: "now", mark: "new" } as const,
    ];
    const forming = { heading: "", cells: [...cells, { text: "▒▒", mark: "masked" } as const] };
    const window = new ScrollingWindow();
    const pictures = Array.from({ length: 10 }, () =>
      stepsPicture(at(43), 24, forming, screen, window),
    );
    expect(pictures[0]).toContain("line 0\n");
    expect(pictures[9]).toMatch(/\n\.\.\.\nline \d+\n.*now▒▒$/s);
    expect(pictures[9].split("\n")).toHaveLength(10);
  });

  it("shows the masks, and lets nothing of the text steer the terminal", () => {
    const screen = { columns: 80, rows: 24, hasColors: false };
    const text = "▒▒ \u001b[2J\u0007 ok\u009b31m";
    const cells = [{ text, mark: "settled" } as const];
    const shown = stepsPicture(at(1), 1, { heading: "", cells }, screen, new ScrollingWindow());
    expect(shown).toContain("▒▒ ␛[2J␇ ok\ufffd31m");
    // eslint-disable-next-line no-control-regex -- they are the point
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});

describe("plain lines, where there is no terminal", () => {
  const forming = () => ({ heading: "", cells: [] });

  it("come every few seconds, later every half minute", () => {
    const lines: string[] = [];
    let now = 0;
    const renderer = ProgressRenderer.plain(
      (line) => lines.push(line),
      () => now,
    );
    for (; now <= 180_000; now += 100)
      renderer.show(stepsView(at(now / 2000), forming, new ScrollingWindow()));
    const plain = lines.map((line) => Number(/^(\d+)%/.exec(line)?.[1]));
    expect(plain.slice(0, 3)).toEqual([1, 3, 6]);
    expect(plain.length).toBeGreaterThan(10);
    expect(plain.length).toBeLessThan(20);
  });

  it("a stage without steps is named, and has a rate of its own", () => {
    const lines: string[] = [];
    let now = 0;
    const renderer = ProgressRenderer.plain(
      (line) => lines.push(line),
      () => now,
    );
    for (; now <= 3000; now += 100) renderer.show(stageView("features", now / 100, 100));
    for (; now <= 13_000; now += 100) renderer.show(stageView("MAUVE", (now - 3000) / 1000, 20));
    expect(lines[0]).toBe("20%  20/100  0:08 left  features");
    expect(lines[1]).toBe("20%  4/20  0:16 left  MAUVE");
  });
});

describe("a stage", () => {
  it("is how much, how long still, and what", () => {
    expect(stageFacts("features", 5, 20, 2)).toBe(" 25%  5/20  0:08 left  features");
    expect(stageFacts("features", 20, 20, 2)).toBe("100%  20/20  features");
    expect(stageFacts("features", 0, 20, undefined)).toBe("  0%  0/20  features");
  });

  it("fits into a line", () => {
    expect(stagePicture("features", 5, 20, 2, 80)).toMatch(
      /^███░+ {2}25% {2}5\/20 {2}0:08 left {2}features$/,
    );
    expect(widthOf(stagePicture("features of the references", 5, 20, 2, 30))).toBe(29);
  });
});
