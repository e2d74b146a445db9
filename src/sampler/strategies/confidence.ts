/**
 * `confidence` reveals the surest positions first, by the probability of their token: MaskGIT
 * (Chang et al., 2022), LLaDA's `low_confidence`, Dream's `maskgit_plus`.
 */
import { defineStrategy } from "../definition.ts";
import {
  confidenceFields,
  logConfidence,
  OF_OPTIONS,
  noisy,
  ORDER_OPTIONS,
  selectInOrder,
  toldInOrder,
} from "./order.ts";

export const confidence = defineStrategy({
  kind: "confidence",
  source: "MaskGIT, section 3.2; LLaDA: generate, low_confidence; Dream: maskgit_plus",
  summary: "the positions whose token has the highest probability are revealed first",
  options: {
    ...OF_OPTIONS,
    scale: {
      type: "choice",
      choices: ["log", "probability"],
      help: "what orderTemperature divides: the log of the probability, as MaskGIT does, or the probability, as Dream does",
    },
    ...ORDER_OPTIONS,
  },
  ranksSuppressed: true,
  parity: {
    published: [
      { order: "low_confidence", options: { of: "drawn" } },
      { order: "maskgit_plus", options: { scale: "probability", pace: "times" } },
    ],
  },
  statistics: (options) => confidenceFields(options),
  revealed: (options, step) => toldInOrder(options, step),
  steps: ({ counts }) => counts?.length,
  select: (options, step, rows) => {
    const score = (row: (typeof rows)[number]) => {
      const log = logConfidence(options.of, row);
      return options.scale === "log" ? log : Math.exp(log);
    };
    return selectInOrder(options, step, rows, noisy(options, step, score));
  },
});
