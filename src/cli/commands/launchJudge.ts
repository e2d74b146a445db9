/** Starts the judge of `remdm eval`; what it is made of is imported only then. */
import type { JudgeFlags } from "./evalJudge.ts";
import type { TextJudge } from "../../evaluation/judge/textJudge.ts";

/** @throws what `Judge.launch` throws. */
export async function launchJudge(options: JudgeFlags): Promise<TextJudge & AsyncDisposable> {
  const { Judge } = await import("../../evaluation/judge/judge.ts");
  return Judge.launch(options);
}
