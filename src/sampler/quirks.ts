/**
 * `Quirks` says whether a run follows the original's code or the papers where they differ:
 * docs/fidelity.md has the list.
 */
export type Quirks = "original" | "paper";
