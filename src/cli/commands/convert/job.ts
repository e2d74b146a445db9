/** Converts a checkpoint for `remdm convert`, and tells how far it is. */
import { relative } from "node:path";
import { isPublishedName } from "../../../checkpoints/published.ts";
import { convertCheckpoint, type ConversionOptions } from "../../../program/convertCheckpoint.ts";
import { AbortedError } from "../../../foundation/errors.ts";
import type { Session } from "../../runCommand.ts";
import { bytesView } from "../../terminal/bytesView.ts";

export interface ConvertFlags {
  readonly out: string;
  readonly weights?: "ema" | "raw";
  readonly dtype: NonNullable<ConversionOptions["dtype"]>;
  readonly force?: true;
  readonly quiet?: true;
}

/** Writes a checkpoint as safetensors and prints where it lies. @throws what the library throws. */
export async function convert(
  { signal, progress, print, onStopped }: Session,
  checkpoint: string,
  { weights, dtype, force, out }: ConvertFlags,
): Promise<void> {
  signal.addEventListener("abort", () => {
    progress.end();
    progress.note("Stopping.");
  });
  onStopped((error) =>
    error instanceof AbortedError ? "Stopped; nothing is changed." : "Stopped.",
  );
  const { path } = await convertCheckpoint(checkpoint, {
    ...{ dtype, out, signal, force: force === true },
    ...(weights !== undefined && { weights }),
    onProgress: (done, total) => progress.show(bytesView("read and written", done, total)),
  });
  progress.end();
  const name = relative(".", path);
  if (isPublishedName(name)) {
    progress.note(
      `In this directory \`${name}\` now means what was written, and no longer the published checkpoint. Rename it to have both.`,
    );
  }
  print(`${path}\n`);
}
