/** Launches the model that the flags of a command name, and says what it is. */
import { startLaunch } from "../../../program/launch.ts";
import type { Remdm } from "../../../program/remdm.ts";
import type { Session } from "../../runCommand.ts";
import type { SampleFlags } from "./flags.ts";

/** The flags that say which model it is, and where it runs. */
export type ModelFlags = Pick<
  SampleFlags,
  "checkpoint" | "tokenizer" | "device" | "dtype" | "rawWeights"
>;

/**
 * Launches a model. Python is started first, and the sampler is loaded while PyTorch loads.
 * @throws what `Remdm.launch` throws.
 */
export async function launchModel(
  { progress, signal }: Session,
  { checkpoint, tokenizer, device, dtype, rawWeights }: ModelFlags,
): Promise<Remdm> {
  progress.phase(`Loading ${checkpoint} ...`);
  const startedAt = performance.now();
  const launching = startLaunch({
    checkpoint,
    device,
    dtype,
    rawWeights: rawWeights === true,
    signal,
    ...(tokenizer !== undefined && { tokenizer }),
  });
  const [launched, { Remdm }] = await Promise.all([launching, import("../../../program/remdm.ts")]);
  const remdm = await Remdm.open(launched);
  const { model, runtime } = remdm;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const size = `${(model.parameters / 1e6).toPrecision(3)}M parameters`;
  const place = `${runtime.device}, ${runtime.dtype}, ${runtime.attention}`;
  progress.note(
    `${model.name}: ${size}, ${model.weights} weights, on ${place}; ready in ${seconds} s`,
  );
  return remdm;
}
