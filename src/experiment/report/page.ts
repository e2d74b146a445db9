/** Makes `report.html`: table, charts and samples in one file, without scripts or other files. */
import { inline, type Chart } from "./charts/drawing.ts";
import { escaped } from "../output/markup.ts";
import { samplesSection } from "./samples.ts";
import { REPORT_STYLE } from "./style.ts";
import type { CellResult } from "../run/results.ts";
import { tableParts, type TableParts } from "../output/table.ts";

/** Makes the page of an experiment. @param results in the experiment's order. @returns HTML. */
export function reportOf(
  name: string,
  results: readonly CellResult[],
  charts: readonly Chart[],
): string {
  const parts = tableParts(results);
  const count = `${results.length} ${results.length === 1 ? "cell" : "cells"}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(name)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(name)}</h1>
<p>${count}.</p>
${chartsSection(charts)}<section aria-labelledby="cells">
<h2 id="cells">All cells</h2>
${tableOf(parts)}
${parts.notes.map((note) => `<p>${escaped(note)}</p>`).join("\n")}
</section>
${samplesSection(results)}</main>
</body>
</html>
`;
}

function chartsSection(charts: readonly Chart[]): string {
  if (charts.length === 0) return "";
  return `<section aria-labelledby="charts">
<h2 id="charts">Charts</h2>
<div class="charts">
${charts.map(figureOf).join("\n")}
</div>
</section>
`;
}

/** Makes a figure; a screen reader hears that the table has the numbers. */
function figureOf({ title, up, notes, wide, narrow }: Chart): string {
  const name = `Chart: ${title}. The table has its numbers.`;
  return `<figure>
<h3>${escaped(title)}</h3>
<p>${escaped(up)}</p>
<div class="wide">${inline(wide, name)}</div>
<div class="narrow">${inline(narrow, name)}</div>
<figcaption>${escaped(notes.join(" "))}</figcaption>
</figure>`;
}

/** Makes the table, which scrolls by itself on a narrow screen, also by keyboard. */
function tableOf({ titles, rows }: TableParts): string {
  const head = titles.map(
    ({ title, isText }) => `<th scope="col"${isText ? ' class="text"' : ""}>${escaped(title)}</th>`,
  );
  const body = rows.map((row) => {
    const cells = row.map((text, c) => {
      const bad = text === "**collapsed**";
      const classes = [...(titles[c].isText ? ["text"] : []), ...(bad ? ["bad"] : [])].join(" ");
      const attribute = classes === "" ? "" : ` class="${classes}"`;
      const shown = escaped(bad ? "collapsed" : text);
      // The strategy is the header of its row.
      if (titles[c].title === "strategy") return `<th scope="row"${attribute}>${shown}</th>`;
      return `<td${attribute}>${shown}</td>`;
    });
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<div class="table" role="region" aria-label="Results" tabindex="0"><table>
<caption>Every cell and its measures</caption>
<thead><tr>${head.join("")}</tr></thead>
<tbody>
${body.join("\n")}
</tbody></table></div>`;
}
