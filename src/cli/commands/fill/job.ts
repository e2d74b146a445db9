/** Runs `remdm fill`: the job of `remdm sample`, with a run that fills gaps. */
import { readFillText } from "../../../program/fillText.ts";
import type { Session } from "../../runCommand.ts";
import type { SampleFlags } from "../sample/flags.ts";
import { sample } from "../sample/job.ts";

/** Fills the gaps of a text. @throws what the library throws. */
export async function fill(session: Session, text: string, flags: SampleFlags): Promise<void> {
  readFillText(text); // before a model is loaded
  await sample(session, flags, {
    given: { text },
    start: (remdm, options) => remdm.fill(text, options),
  });
}
