/** Whom to follow where the original's code and the papers differ: docs/fidelity.md has the list. */
export type Quirks = "original" | "paper";
