/** `remdm convert` at work. */
import { resolve } from "node:path";
import { convert } from "../backend/convert.ts";
import { findPython } from "../backend/python.ts";
import { resolveLaunch } from "../launchOptions.ts";
import { createByteReporter } from "./byteReporter.ts";
import type { ConvertFlags } from "./convert.ts";
import { failureOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";

/** @returns the exit code. */
export async function runConvert(checkpoint: string, flags: ConvertFlags): Promise<number> {
  const reporter = createByteReporter(process.stderr, flags.quiet === true);
  using interruption = new Interruption();
  interruption.signal.addEventListener("abort", () => {
    reporter.end();
    reporter.note("Stopped; nothing is changed.");
  });
  const { weights, dtype, force = false } = flags;
  const out = resolve(flags.out);
  try {
    await convert({
      ...{ weights, dtype, force, out },
      checkpoint: resolveLaunch({ checkpoint }).checkpoint,
      python: findPython().path,
      signal: interruption.signal,
      onProgress: (done, total) => {
        reporter.progress("read and written", done, total);
      },
    });
    reporter.end();
    process.stdout.write(`${out}\n`);
    return 0;
  } catch (error) {
    reporter.end();
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    const { code, text } = failureOf(error);
    process.stderr.write(text);
    return code;
  }
}
