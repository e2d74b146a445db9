/**
 * Looks at a text that is longer than the screen through a window that goes where the text changes.
 */

/** The window moves after so many pictures in which only lines outside it changed. */
const PATIENCE = 10;

const CUT = "...";

export class ScrollingWindow {
  #text: string | undefined;
  #top = 0;
  #missed = 0;

  /**
   * Chooses the lines that are shown.
   * @param text which text it is: another one is looked at from its beginning.
   * @param lines of the whole text.
   * @param changes how much of each line has changed lately.
   * @param room lines of the screen, 1 at least.
   * @returns at most `room` lines, with "..." where more stand above or below.
   */
  onto(
    text: string,
    lines: readonly string[],
    changes: readonly number[],
    room: number,
  ): readonly string[] {
    if (text !== this.#text) [this.#text, this.#top, this.#missed] = [text, 0, 0];
    if (lines.length <= room) return lines;
    const last = lines.length - room;
    this.#top = Math.min(this.#top, last);
    const [from, to] = seenFrom(this.#top, room, lines.length);
    if (sum(changes.slice(from, to)) > 0) this.#missed = 0;
    else if (sum(changes) > 0) this.#missed++;
    if (this.#missed >= PATIENCE) {
      this.#top = busiest(changes, room);
      this.#missed = 0;
    }
    const [first, end] = seenFrom(this.#top, room, lines.length);
    return [
      ...(first > this.#top ? [CUT] : []),
      ...lines.slice(first, end),
      ...(end < this.#top + room ? [CUT] : []),
    ];
  }
}

/** @returns the lines that a window at `top` shows, the last one not included. */
function seenFrom(top: number, room: number, lines: number): readonly [number, number] {
  const hasMarks = room >= 3; // on fewer lines the text is worth more
  const first = hasMarks && top > 0 ? top + 1 : top;
  const end = hasMarks && top + room < lines ? top + room - 1 : top + room;
  return [first, end];
}

/** @returns the top that shows the most changes; of equal ones, one with room below the changes. */
function busiest(changes: readonly number[], room: number): number {
  let [most, from, to] = [-1, 0, 0];
  for (let top = 0; top <= changes.length - room; top++) {
    const shown = sum(changes.slice(...seenFrom(top, room, changes.length)));
    if (shown > most) [most, from, to] = [shown, top, top];
    else if (shown === most && to === top - 1) to = top;
  }
  return from + Math.floor((3 * (to - from)) / 4);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
