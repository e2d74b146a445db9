/** Checks `--judge`, which two commands have, and says what to do about a missing judge. */
import { CheckpointError } from "../../backend/errors.ts";
import { hubRemedy } from "../../checkpoints/hub/names.ts";
import { BUNDLED_NAMES, isPublishedName } from "../../checkpoints/published.ts";
import { meansNone } from "../../evaluation/judge/judgeOptions.ts";
import { RemdmError } from "../../foundation/errors.ts";
import { UsageError } from "../usage.ts";

/** Refuses a name that rather asks for no judge. @throws UsageError. */
export function checkJudge(judge: string): void {
  if (!meansNone(judge)) return;
  throw new UsageError(
    `--judge ${judge} names no model`,
    "For neither perplexity nor MAUVE use --no-judge.",
  );
}

/**
 * @returns the error; for a path with nothing at it, one whose remedy names a model that judges.
 */
export function judgeError(error: unknown, judge: string): unknown {
  const isPath = !BUNDLED_NAMES.includes(judge) && !isPublishedName(judge);
  if (!RemdmError.isInstance(error) || error.code !== "checkpoint_missing") return error;
  if (!isPath || hubRemedy(judge) !== undefined) return error;
  return new CheckpointError(
    "checkpoint_missing",
    error.message,
    "Check the path, or use the judge `demo-ar` that comes with the package.",
    error,
  );
}
