/** Lists the scorers, which compare an answer with what is expected (docs/tasks.md). */
export const SCORERS = ["exact", "contains", "number", "countdown", "choice"] as const;

export type ScorerName = (typeof SCORERS)[number];
