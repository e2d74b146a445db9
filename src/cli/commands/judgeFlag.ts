/** `--judge`, which two commands have. */
import { meansNone } from "../../evaluation/judge/judgeOptions.ts";
import { UsageError } from "../usage.ts";

/** @throws UsageError for a judge that is rather to be none. */
export function checkJudge(judge: string): void {
  if (!meansNone(judge)) return;
  throw new UsageError(
    `--judge ${judge} names no model`,
    "For neither perplexity nor MAUVE use --no-judge.",
  );
}
