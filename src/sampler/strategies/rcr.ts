/**
 * `rcr` is running confidence remasking: each step fills in every mask, then masks the positions of
 * the lowest confidence again, those of earlier steps too, which keep the confidence that they had
 * when they were filled in. Published: MDPO, `diffusion_generate` with `rcr`.
 */
import { defineStrategy } from "../definition.ts";
import { wholeShare } from "../schedule.ts";
import { confidenceFields, logConfidence, OF_OPTIONS, positionsOf, ranked } from "./order.ts";

export const rcr = defineStrategy({
  kind: "rcr",
  source: "MDPO (2508.13148), running confidence remasking",
  summary:
    "after each step the positions with the lowest confidence when they were filled in are masked",
  options: OF_OPTIONS,
  ranksSuppressed: true,
  statistics: (options) => confidenceFields(options),
  revealed: "state",
  /** The log-confidence at each position when it was filled in last. */
  memory: (_, length) => new Float64Array(length),
  select: ({ of }, { s, free }, rows, running) => {
    for (const row of rows) {
      if (row.masked) running[row.position] = logConfidence(of, row);
    }
    const order = ranked(rows, ({ position }) => running[position]);
    const masks = wholeShare(free, s);
    return {
      reveal: positionsOf(order.slice(0, free - masks).filter(({ masked }) => masked)),
      remask: positionsOf(order.slice(free - masks).filter(({ masked }) => !masked)),
    };
  },
});
