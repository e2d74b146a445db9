/** The style of `report.html`, for light and dark paper and for screens of any width. */
import { ALARM, darkCharts, HOVER, INK, LINK, PAPER, QUIET, RULE } from "./charts/palette.ts";

const TONES = {
  paper: PAPER,
  ink: INK,
  quiet: QUIET,
  alarm: ALARM,
  rule: RULE,
  hover: HOVER,
  link: LINK,
} as const;

function variables(scheme: "light" | "dark"): string {
  return Object.entries(TONES)
    .map(([name, tone]) => `--${name}: ${tone[scheme]};`)
    .join(" ");
}

export const REPORT_STYLE = `
:root { color-scheme: light dark; ${variables("light")} }
@media (prefers-color-scheme: dark) { :root { ${variables("dark")} } }
${darkCharts()}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1040px; margin: 2.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 0; }
h1, h2, h3, p, summary { overflow-wrap: anywhere; }
p { max-width: 46rem; } p, figcaption { color: var(--quiet); } a { color: var(--link); }
.charts { display: grid; gap: 2.25rem; } figure { margin: 0; min-width: 0; }
figure > p { margin: 0 0 .25rem; font-size: 13px; } figcaption { font-size: 13px; max-width: 46rem; margin-top: .4rem; }
svg { display: block; max-width: 100%; height: auto; } .narrow { display: none; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; white-space: nowrap; }
caption { text-align: left; color: var(--quiet); padding: 0 0 .25rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--rule); }
thead th { border-bottom: 1.5px solid var(--quiet); } tbody th { font-weight: 400; } .text { text-align: left; }
tbody tr:hover { background: var(--hover); } .bad { color: var(--alarm); font-weight: 600; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
details { border-bottom: 1px solid var(--rule); } summary { cursor: pointer; padding: .35rem 0; }
summary span { display: block; padding-left: 1rem; color: var(--quiet); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; } details details { border: 0; }
pre { font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: .25rem 0; padding: .5rem .75rem; border-left: 3px solid var(--rule); unicode-bidi: plaintext; }
@media (max-width: 700px) {
  body { margin: 1.25rem auto; padding: 0 1rem; } .wide { display: none; } .narrow { display: block; width: 100%; }
}`;
