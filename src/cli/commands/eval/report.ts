/**
 * Describes an evaluation for people: entropy stands beside perplexity, errors stand beside means,
 * and the verdict on a collapse comes last.
 */
import type { Evaluation, GenerativePerplexity, Mauve } from "../../../evaluation/evaluation.ts";
import { skipNotes, type JudgedMeasure } from "../../../evaluation/skipped.ts";
import { unknownNotes } from "../../../evaluation/texts/unknownPieces.ts";
import type { TokensFrom } from "../../../evaluation/texts/tokenSequences.ts";
import { areAsLong } from "../../../evaluation/measures/collapse.ts";
import type { Spread } from "../../../evaluation/measures/spread.ts";
import { counted } from "../../../foundation/messages.ts";

const SOURCES: Readonly<Record<TokensFrom, string>> = {
  samples: "tokens as sampled",
  tokenizer: "tokens of the texts, tokenized again",
  words: "words instead of tokens",
};

type Row = readonly [name: string, samples: string, references: string, note: string];

export function describeEvaluation(evaluation: Evaluation): string {
  const { samples, tokensFrom, length, collapse, mauve, skipped = [] } = evaluation;
  const heading = `${counted(samples, "sample")} of ${length.toFixed(length % 1 === 0 ? 0 : 1)} tokens (${SOURCES[tokensFrom]})`;
  const verdict = collapse.collapsed
    ? [
        "COLLAPSED: perplexity says nothing here.",
        ...collapse.reasons.map((reason) => `  - ${reason}`),
      ]
    : [`No sign of a collapse${reservation(evaluation)}.`];
  const unknown = unknownNotes(evaluation);
  const notes = [
    ...skipNotes(skipped).flatMap(({ note, remedy }) => ["", note, `  ${remedy}`]),
    ...(mauve?.tiedSeeds ? ["", ...tieNote(mauve, mauve.tiedSeeds)] : []),
    ...(unknown.length > 0 ? ["", ...unknown] : []),
  ];
  return [heading, "", ...table(rowsOf(evaluation)), ...notes, "", ...verdict].join("\n");
}

/** Says what mauve-text's number is worth where histograms tie; the number is left as it is. */
function tieNote({ seeds }: Mauve, tied: readonly number[]): string[] {
  const which =
    tied.length === seeds.length
      ? "every k-means seed"
      : `k-means ${tied.length === 1 ? "seed" : "seeds"} ${tied.join(", ")}`;
  return [
    `MAUVE: with ${which} as many samples as references fall into each cluster. mauve-text then says`,
    "1 or 0.75, depending on the CPU (docs/surprises.md), so the number above says little.",
    "  Give more texts: ties come with few clusters, and there is one for every ten texts.",
  ];
}

/** Says what the guardrail could not look at. */
function reservation({ length, references }: Evaluation): string {
  if (references === undefined) return " (looked for without references)";
  if (references.length === undefined) {
    return " (looked for without the references, whose tokens are not known: name --tokenizer)";
  }
  if (areAsLong(length, references.length)) return "";
  return ` (entropy was not compared: the references have ${references.length.toFixed(1)} tokens)`;
}

function rowsOf(evaluation: Evaluation): Row[] {
  const { entropy, genPpl, mauve, references, skipped = [] } = evaluation;
  const isSkipped = (measure: JudgedMeasure): boolean =>
    skipped.some((one) => one.measure === measure);
  const entropyNote = evaluation.entropyIsOther
    ? "nats, as the file has it: of other tokens than these"
    : "nats";
  const rows: Row[] = [
    ["", "samples", references ? "references" : "", ""],
    ["entropy", withError(entropy), optional(references?.entropy, withError), entropyNote],
  ];
  if (genPpl) {
    const note = `judged by ${genPpl.judge}, ${genPpl.tokens} tokens`;
    rows.push(["perplexity", perplexity(genPpl), optional(references?.genPpl, perplexity), note]);
  } else if (isSkipped("genPpl")) rows.push(["perplexity", "left out", "", "see below"]);
  if (mauve) {
    const { mean, standardDeviation, seeds, scale } = mauve;
    const spread = Number.isNaN(standardDeviation) ? "" : ` ± ${standardDeviation.toFixed(3)}`;
    const note = `mean and deviation of ${counted(seeds.length, "k-means seed")}, scale ${scale}`;
    rows.push(["MAUVE", `${mean.toFixed(3)}${spread}`, "", note]);
  }
  if (isSkipped("mauve")) rows.push(["MAUVE", "left out", "", "see below"]);
  const share = (name: string, key: ShareKey, note: string): void => {
    const [ours, theirs] = [evaluation[key], references?.[key]];
    if (ours !== undefined) rows.push([name, ours.toFixed(3), optional(theirs, fixed), note]);
  };
  share("distinct-1", "distinct1", "distinct tokens / tokens");
  share("distinct-2", "distinct2", "distinct pairs / pairs");
  share("repetition", "repetition", "4-grams that were there before");
  rows.push([
    "duplicates",
    evaluation.duplicates.toFixed(3),
    "",
    "samples equal to an earlier one",
  ]);
  share("known words", "knownWords", "of those with three letters or more");
  rows.push(["count", String(evaluation.samples), optional(references?.count, String), ""]);
  return rows;
}

type ShareKey = "distinct1" | "distinct2" | "repetition" | "knownWords";

function table(rows: readonly Row[]): string[] {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => {
    const cells = widths.map((width, column) => row[column].padEnd(width));
    return [...cells, row[3]].join("  ").trimEnd();
  });
}

function withError({ mean, standardError }: Spread): string {
  return `${mean.toFixed(3)}${Number.isNaN(standardError) ? "" : ` ± ${standardError.toFixed(3)}`}`;
}

function perplexity({ value, standardError }: GenerativePerplexity): string {
  if (Number.isNaN(value)) return "none: no token counts";
  return `${value.toFixed(2)}${Number.isNaN(standardError) ? "" : ` ± ${standardError.toFixed(2)}`}`;
}

function fixed(share: number): string {
  return share.toFixed(3);
}

function optional<T>(value: T | undefined, show: (value: T) => string): string {
  return value === undefined ? "" : show(value);
}
