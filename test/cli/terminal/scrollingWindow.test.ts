/** The window onto a text that is longer than the screen: it follows the changes, and does not jump about. */
import { describe, expect, it } from "@jest/globals";
import { ScrollingWindow } from "../../../src/cli/terminal/scrollingWindow.ts";

const LINES = Array.from({ length: 30 }, (_, i) => `line ${i}`);

/** One change in each of some lines. */
const changing = (...at: number[]): number[] => LINES.map((_, i) => (at.includes(i) ? 1 : 0));

/** What is seen after so many pictures. */
function seen(
  window: ScrollingWindow,
  changes: number[],
  { room = 8, pictures = 1, text = "" } = {},
): readonly string[] {
  let lines: readonly string[] = [];
  for (let i = 0; i < pictures; i++) lines = window.onto(text, LINES, changes, room);
  return lines;
}

it("shows a text that fits as it is", () => {
  expect(new ScrollingWindow().onto("", ["a", "b"], [0, 0], 2)).toEqual(["a", "b"]);
});

it("begins at the beginning, and says that there is more", () => {
  expect(seen(new ScrollingWindow(), changing(0, 25))).toEqual([...LINES.slice(0, 7), "..."]);
});

it("goes to where the text changes, once nothing has changed in it for a while", () => {
  const window = new ScrollingWindow();
  expect(seen(window, changing(20), { pictures: 9 })[0]).toBe("line 0");
  const lines = seen(window, changing(20));
  expect(lines).toHaveLength(8);
  expect([lines[0], lines[7]]).toEqual(["...", "..."]);
  const at = lines.indexOf("line 20");
  expect(at).toBeGreaterThan(0);
  expect(at).toBeLessThan(4); // what comes next stands below
});

it("goes to the end of a text, which nothing follows", () => {
  const lines = seen(new ScrollingWindow(), changing(29), { pictures: 10 });
  expect([lines[0], lines[7]]).toEqual(["...", "line 29"]);
});

it("stays while something changes in it, or nothing anywhere", () => {
  const window = new ScrollingWindow();
  expect(seen(window, changing(3, 20, 21, 22), { pictures: 30 })[0]).toBe("line 0");
  expect(seen(window, changing(), { pictures: 30 })[0]).toBe("line 0");
});

it("a change behind the dots is not seen, so the window moves for it", () => {
  expect(seen(new ScrollingWindow(), changing(7), { pictures: 10 })).toContain("line 7");
});

it("looks at another text from its beginning", () => {
  const window = new ScrollingWindow();
  expect(seen(window, changing(20), { pictures: 10, text: "1" })[0]).toBe("...");
  expect(seen(window, changing(20), { text: "2" })[0]).toBe("line 0");
});

describe.each([1, 2, 3, 8, 29])("with room for %d lines", (room) => {
  it.each([0, 1, 7, 15, 28, 29])("shows a change in line %d", (at) => {
    const lines = seen(new ScrollingWindow(), changing(at), { room, pictures: 10 });
    expect(lines).toHaveLength(room);
    expect(lines).toContain(`line ${at}`);
  });
});
