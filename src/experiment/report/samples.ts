/** Makes the part of `report.html` that shows a few samples of each cell. */
import { escaped } from "../output/markup.ts";
import { firstCharacters, type CellResult, type ExampleText } from "../run/results.ts";

/** Characters of a text that are shown before it is opened. */
const SHORT = 400;
/** Characters of the first text, beside the name of its cell. */
const PREVIEW = 90;

/** Makes the section. @returns HTML; empty where the results have no texts. */
export function samplesSection(results: readonly CellResult[]): string {
  const parts = results.flatMap((result) => {
    const { examples = [] } = result;
    return examples.length === 0 ? [] : cellPart(result, examples);
  });
  if (parts.length === 0) return "";
  return `<section aria-labelledby="samples">
<h2 id="samples">Samples</h2>
<p>The first of each cell, as they were drawn: nobody chose them. Open a cell to read.</p>
${parts.join("\n")}
</section>
`;
}

function cellPart({ cell, samples }: CellResult, examples: readonly ExampleText[]): string {
  const file = `samples/${cell}.jsonl`;
  const link = `<a href="${escaped(encodeURI(file))}">${escaped(file)}</a>`;
  const preview = shortened(oneLine(examples[0].text), PREVIEW);
  return `<details><summary>${escaped(cell)} <span dir="auto">${escaped(preview)}</span></summary>
${examples.map((example) => textPart(example)).join("\n")}
<p>All ${samples}: ${link}.</p>
</details>`;
}

function textPart({ sample, text, cut = 0 }: ExampleText): string {
  const length = (text.length + cut).toLocaleString("en-US");
  const head = `<p>Sample ${sample + 1}, ${length} characters</p>`;
  const short = firstCharacters(text, SHORT);
  if (short === text && cut === 0) return `${head}\n${pre(text)}`;
  const lost =
    cut > 0
      ? `<p>The last ${cut.toLocaleString("en-US")} characters are in the file alone.</p>`
      : "";
  return `${head}\n${pre(`${short} …`)}
<details><summary>Sample ${sample + 1}, whole</summary>
${pre(text)}
${lost}</details>`;
}

function pre(text: string): string {
  return `<pre>${escaped(harmless(text))}</pre>`;
}

/** Replaces control characters, which HTML forbids; doubles a first line end, which it drops. */
function harmless(text: string): string {
  const shown = text.replace(/\r\n?/g, "\n").replace(/(?![\n\t])\p{Cc}/gu, "\ufffd");
  return shown.startsWith("\n") ? `\n${shown}` : shown;
}

function oneLine(text: string): string {
  return harmless(text).replace(/\s+/g, " ").trim();
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${firstCharacters(text, most)} …`;
}
