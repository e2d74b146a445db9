/** `remdm convert` at work. */
import { relative } from "node:path";
import { isPublishedName } from "../../checkpoints/published.ts";
import { convertCheckpoint } from "../../program/convertCheckpoint.ts";
import { AbortedError } from "../../foundation/errors.ts";
import { createByteReporter } from "../terminal/byteReporter.ts";
import type { ConvertFlags } from "./convert.ts";
import { failureOf } from "../failure.ts";
import { Interruption } from "../interruption.ts";
import type { Naming } from "../naming.ts";

/** @returns the exit code. */
export async function runConvert(
  checkpoint: string,
  flags: ConvertFlags,
  naming?: Naming,
): Promise<number> {
  const reporter = createByteReporter(process.stderr, flags.quiet === true);
  using interruption = new Interruption();
  interruption.signal.addEventListener("abort", () => {
    reporter.end();
    reporter.note("Stopping.");
  });
  const { weights, dtype, force = false, out } = flags;
  try {
    const { path } = await convertCheckpoint(checkpoint, {
      ...{ dtype, force, out },
      ...(weights !== undefined && { weights }),
      signal: interruption.signal,
      onProgress: (done, total) => {
        reporter.progress("read and written", done, total);
      },
    });
    reporter.end();
    const name = relative(".", path);
    if (isPublishedName(name)) {
      reporter.note(
        `In this directory \`${name}\` now means what was written, and no longer the published checkpoint. Rename it to have both.`,
      );
    }
    process.stdout.write(`${path}\n`);
    return 0;
  } catch (error) {
    reporter.end();
    if (interruption.exitCode !== undefined) {
      if (error instanceof AbortedError) reporter.note("Stopped; nothing is changed.");
      return interruption.exitCode;
    }
    const { code, text } = failureOf(error, naming);
    process.stderr.write(text);
    return code;
  }
}
