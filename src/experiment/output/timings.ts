/** Writes `timings.md`: how long an experiment took, apart from its results, which never change. */
import { markdownTable, oneLine } from "./markup.ts";
import type { CellResult, Timing } from "../run/results.ts";

const TITLES = [
  { title: "cell", isText: true },
  { title: "rows" },
  { title: "sampling, s" },
  { title: "evaluating, s" },
];

const NOTE =
  "Rows: sequences through the network, samples x calls. Counted is the session that finished a cell: not what an interrupted one had drawn of it before, nor loading models, reading texts and drawing charts.";

/**
 * Writes the times of an experiment as Markdown.
 * @param results of one experiment, in its order.
 * @param timings in the order in which they were written. The first of a cell counts: a session
 *   that is killed between timing and result leaves one, and the next session only evaluates.
 */
export function timingsOf(
  name: string,
  results: readonly CellResult[],
  timings: readonly Timing[],
): string {
  const first = new Map([...timings].reverse().map((timing) => [timing.cell, timing]));
  let [sampling, evaluating, rows] = [0, 0, 0];
  const lines = results.flatMap((result) => {
    const timing = first.get(result.cell);
    if (timing === undefined) return [];
    const own = result.samples * result.forwardCalls;
    sampling += timing.sampling;
    evaluating += timing.evaluating;
    rows += own;
    return [lineOf(result.cell, own, timing)];
  });
  const total = `${lines.length} of ${results.length} cells: ${duration(sampling + evaluating)}, of which ${duration(evaluating)} evaluating.`;
  return [
    `# ${oneLine(name)}: time`,
    "",
    total,
    "",
    ...markdownTable(TITLES, [...lines, lineOf("all", rows, { sampling, evaluating })]),
    "",
    NOTE,
    "",
  ].join("\n");
}

function lineOf(
  name: string,
  rows: number,
  { sampling, evaluating }: Omit<Timing, "cell">,
): string[] {
  return [name, rows.toFixed(0), sampling.toFixed(1), evaluating.toFixed(1)];
}

/** Writes seconds as `1 h 58 min`, `3 min 20 s` or `12 s`. */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
