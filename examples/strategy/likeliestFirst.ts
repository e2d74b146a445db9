// Ask first: the rows of the network say which positions change. Here the surest ones are revealed, and tokens that
// the network has come to doubt are masked again while there is time.
import { defineStrategy } from "remdm";

export const likeliestFirst = defineStrategy({
  kind: "likeliest-first",
  source: "MaskGIT (Chang et al., 2022), with a threshold for doubt",
  summary:
    "reveals the surest positions, as many as the steps need; remasks tokens below a probability",
  options: {
    doubt: {
      type: "number",
      default: 0.01,
      range: "[0, 1]",
      help: "probability below which a revealed token is masked again",
    },
  },
  statistics: ["max", "given"],
  revealed: true,
  select: ({ doubt }, { index, steps }, rows) => {
    const masked = rows.filter((row) => row.masked).sort((a, b) => b.max - a.max);
    const count = Math.ceil(masked.length / (steps - index));
    const isLate = index >= 0.8 * steps;
    const doubted = rows.filter((row) => !row.masked && row.given < Math.log(doubt));
    return {
      reveal: masked.slice(0, count).map((row) => row.position),
      remask: isLate ? [] : doubted.map((row) => row.position),
    };
  },
});
