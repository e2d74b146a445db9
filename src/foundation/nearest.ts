/** Guesses what a person may have meant by a name that does not exist. */
import { closestMatch } from "leven";

/**
 * Returns the candidate that is the fewest letters away, at most a third of the word; capitals do
 * not count.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const maxDistance = Math.max(1, Math.floor(word.length / 3));
  return closestMatch(word.toLowerCase(), candidates, { maxDistance });
}
