/** Runs `remdm edit`: the job of `remdm sample`, with a run that edits a draft. */
import { modelFacts } from "../../../checkpoints/facts.ts";
import { checkDraft } from "../../../program/draft.ts";
import { DEFAULT_EDIT_STRATEGY } from "../../../program/remdm.ts";
import type { Session } from "../../runCommand.ts";
import { sample } from "../sample/job.ts";
import type { EditFlags } from "./flags.ts";

/** Edits a draft. @throws what the library throws. */
export async function edit(session: Session, draft: string, flags: EditFlags): Promise<void> {
  const { suspect, t0, strategy, predictor } = flags;
  checkDraft(draft, suspect, t0); // before a model is loaded
  const { kind = "mdlm" } = modelFacts(flags.checkpoint);
  const isOpen = strategy === undefined && predictor === undefined && kind === "mdlm";
  await sample(session, isOpen ? { ...flags, strategy: DEFAULT_EDIT_STRATEGY } : flags, {
    given: { draft, suspect, t0 },
    start: (remdm, options) => remdm.edit(draft, { ...options, suspect, t0 }),
  });
}
