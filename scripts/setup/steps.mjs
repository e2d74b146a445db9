/** Runs the steps that are not done, and says of each what it does and how long that may take. */
import { duration, say } from "./say.mjs";

/**
 * @typedef {object} Step
 * @property {string} title
 * @property {string} takes
 * @property {() => boolean | Promise<boolean>} isDone
 * @property {() => void} [forget] removes what says that it is done, for a repair
 * @property {() => Promise<void>} perform must be safe to repeat after it was killed
 */

/**
 * @param {readonly Step[]} steps
 * @returns {Promise<Step[]>}
 */
export async function pendingOf(steps) {
  const pending = [];
  for (const step of steps) if (!(await step.isDone())) pending.push(step);
  return pending;
}

/** @param {readonly Step[]} steps */
export async function perform(steps) {
  const pending = await pendingOf(steps);
  const started = Date.now();
  for (const [i, step] of pending.entries()) {
    say(`[${i + 1}/${pending.length}] ${step.title}: ${step.takes}`);
    const begun = Date.now();
    await step.perform();
    say(`      done in ${duration(Date.now() - begun)}`);
  }
  if (pending.length > 0) say(`Set-up done in ${duration(Date.now() - started)}.\n`);
}
