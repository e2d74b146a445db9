/** `report.html`: table and charts in one file, with no script and nothing to load. */
import { escaped } from "./escaped.ts";
import type { CellResult } from "./results.ts";
import { tableParts } from "./table.ts";

interface Chart {
  readonly title: string;
  readonly svg: string;
}

const STYLE = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1e23; background: #fff; max-width: 1040px; margin: 2.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2.5rem 0 .5rem; }
p { max-width: 46rem; color: #4a4f57; } .charts { display: grid; gap: 1.5rem; }
figure { margin: 0; } svg { max-width: 100%; height: auto; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; white-space: nowrap; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #e6e8eb; }
th { border-bottom: 1.5px solid #9aa0a8; font-weight: 600; } .text { text-align: left; }
tbody tr:hover { background: #f6f7f8; } .bad { color: #a8240f; font-weight: 600; }`;

export function reportOf(
  name: string,
  results: readonly CellResult[],
  charts: readonly Chart[],
): string {
  const { titles, rows, notes } = tableParts(results);
  const cell = (tag: "th" | "td", text: string, isText: boolean): string => {
    const bad = text === "**collapsed**";
    const classes = [...(isText ? ["text"] : []), ...(bad ? ["bad"] : [])].join(" ");
    return `<${tag}${classes === "" ? "" : ` class="${classes}"`}>${escaped(bad ? "collapsed" : text)}</${tag}>`;
  };
  const line = (tag: "th" | "td", fields: readonly string[]): string =>
    `<tr>${fields.map((field, c) => cell(tag, field, titles[c].isText)).join("")}</tr>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(name)}</title>
<style>${STYLE}</style>
<h1>${escaped(name)}</h1>
<p>${results.length} cells.</p>
<div class="charts">
${charts.map(({ svg }) => `<figure>${svg}</figure>`).join("\n")}
</div>
<h2>All cells</h2>
<div class="table"><table><thead>${line(
    "th",
    titles.map(({ title }) => title),
  )}</thead>
<tbody>
${rows.map((row) => line("td", row)).join("\n")}
</tbody></table></div>
${notes.map((note) => `<p>${escaped(note)}</p>`).join("\n")}
</html>
`;
}
