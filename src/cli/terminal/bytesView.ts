/** Shows how far a transfer of bytes is: a download, a check of its hash, a conversion. */
import { bytesText } from "../../foundation/messages.ts";
import { bar, percent, timeLeft } from "./measures.ts";
import type { Pace, View } from "./progressRenderer.ts";
import { clip } from "./terminalText.ts";

const PACE: Pace = { firstMs: 2_000, anew: true, everyMs: () => 10_000 };
const BAR_COLUMNS = 24;

/** @param work what is done: "mdlm", "checking mdlm". @param total undefined while unknown. */
export function bytesView(work: string, done: number, total: number | undefined): View {
  return {
    work,
    done,
    pace: PACE,
    line: (perSecond) => `${work}: ${byteFacts(done, total, perSecond).trimStart()}`,
    picture: (perSecond, { columns }) => {
      const drawn = total === undefined ? "" : `${bar(share(done, total), BAR_COLUMNS)} `;
      const line = `${drawn}${byteFacts(done, total, perSecond)}  ${work}`;
      return clip(line, Math.max(10, columns - 1));
    },
  };
}

/** Writes ` 43%  585 MB of 1.36 GB  12 MB/s  1:03 left`. */
export function byteFacts(
  done: number,
  total: number | undefined,
  perSecond: number | undefined,
): string {
  const rate = perSecond === undefined ? [] : [`${bytesText(Math.round(perSecond))}/s`];
  if (total === undefined) return [bytesText(done), ...rate].join("  ");
  return [
    percent(share(done, total)).padStart(4),
    `${bytesText(done)} of ${bytesText(total)}`,
    ...rate,
    ...timeLeft(done, total, perSecond),
  ].join("  ");
}

/** Of an empty file nothing is there until its end is told. */
function share(done: number, total: number): number {
  return done / Math.max(1, total);
}
