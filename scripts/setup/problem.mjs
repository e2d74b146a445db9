/** A failure that a person can act on: one sentence that says what is wrong, one what to do. */
export class SetupProblem extends Error {
  /**
   * @param {string} message
   * @param {string} remedy
   * @param {string} [details] what the failed program said last
   */
  constructor(message, remedy, details = "") {
    super(message);
    this.remedy = remedy;
    this.details = details;
  }
}
