/**
 * Confidence-dependent remasking (ReMDM, section 4.1, "ReMDM-conf") gives position i
 * softmax(-psi)_i of the chance of a remask, where psi_i is the probability that its token had when
 * it was revealed. Original: `conf` and `eta` in `_ddpm_caching_update`, where conf = -psi.
 */
export class Confidence {
  /**
   * exp(-psi), and 0 at masked and pinned positions, which get no share. psi <= 1, so no shift is
   * needed.
   */
  readonly #weights: Float64Array;
  readonly #round: (x: number) => number;

  /**
   * @param length L, the number of positions; all begin masked.
   * @param round rounds psi: to the network's number format as in the original's code, or not at
   *   all as in the paper.
   */
  constructor(length: number, round: (x: number) => number = (x) => x) {
    this.#weights = new Float64Array(length);
    this.#round = round;
  }

  /** Takes over the confidences of a text of the same length. */
  assign(other: Confidence): void {
    this.#weights.set(other.#weights);
  }

  /** @param psi probability of the token that was revealed, in [0, 1]. */
  reveal(position: number, psi: number): void {
    this.#weights[position] = Math.exp(-this.#round(psi));
  }

  remask(position: number): void {
    this.#weights[position] = 0;
  }

  /**
   * Sums all weights; 0 when everything is masked. They are summed anew each time, so the sum does
   * not drift.
   */
  total(): number {
    let sum = 0;
    for (const weight of this.#weights) sum += weight;
    return sum;
  }

  /** Returns softmax(-psi)_i. @param total of {@link total}, above 0. */
  share(position: number, total: number): number {
    return this.#weights[position] / total;
  }
}
