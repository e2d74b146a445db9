/**
 * Tells what a tokenizer did not know of samples and references. An unknown piece counts as one
 * token, whatever it was, so numbers from it say less.
 */
import type { Evaluation } from "../evaluation.ts";

/** Adds to an evaluation the pieces that were unknown when its references were cut. */
export function withUnknownPieces(evaluation: Evaluation, unknownPieces = 0): Evaluation {
  const { references } = evaluation;
  if (references === undefined || unknownPieces === 0) return evaluation;
  return { ...evaluation, references: { ...references, unknownPieces } };
}

interface Counted {
  readonly unknownPieces?: number | null;
  readonly genPpl?: { readonly judge: string; readonly unknownPieces?: number | null };
}

/**
 * Writes a sentence for each count.
 * @param evaluation an evaluation, or one that was read back from JSON.
 */
export function unknownNotes(evaluation: Counted & { readonly references?: Counted }): string[] {
  const { references = {} } = evaluation;
  const notes: readonly [Counted["unknownPieces"], string, string][] = [
    [evaluation.unknownPieces, "samples", "their tokenizer"],
    [references.unknownPieces, "references", "the samples' tokenizer"],
    [evaluation.genPpl?.unknownPieces, "samples", `the judge ${evaluation.genPpl?.judge}`],
    [references.genPpl?.unknownPieces, "references", `the judge ${references.genPpl?.judge}`],
  ];
  return notes.flatMap(([count, texts, who]) => {
    if (!count) return [];
    const pieces = count === 1 ? "1 piece" : `${count} pieces`;
    return [`${pieces} of the ${texts} became the unknown token: ${who} has no other for them.`];
  });
}
