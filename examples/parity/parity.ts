// Live parity: the original repository and remdm side by side, on the same checkpoint and seed.
// Run: npx tsc -p examples/parity && REMDM_REFERENCE=path/to/remdm node examples/dist/parity/parity.js
import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { casesOf, originalOptions } from "./cases.ts";
import { compareStates } from "./compare.ts";
import { HELP, parseOptions, type Options } from "./options.ts";
import { Original } from "./original.ts";
import { launch, outputDifference, runOurs } from "./ours.ts";
import { findOriginal, findOriginalPython, goldenCheckpoints } from "./places.ts";
import { EXIT, note, print, runProgram } from "./program.ts";
import { agrees, differenceNote, header, rowLine, summary, type Row } from "./table.ts";
import { UsageError } from "./usage.ts";

/** Yields a row a case, for every checkpoint. */
async function* compare(options: Options, signal: AbortSignal): AsyncGenerator<Row> {
  const repository = findOriginal();
  const checkpoints = named(options.checkpoints) ?? goldenCheckpoints;
  const python = await findOriginalPython();
  await using original = await Original.start(python, signal);
  for (const checkpoint of checkpoints) {
    const { device, batch, seed, steps, only } = options;
    const card = await original.load({ repository, checkpoint, device });
    const cases = casesOf(card.kind, steps, only);
    note(
      `${basename(checkpoint)}: ${card.kind}, ${card.weights} weights, PyTorch ${card.torch}` +
        (card.standIns.length > 0 ? `, stand-ins for ${card.standIns.join(", ")}` : ""),
    );
    if (cases.length === 0) continue;
    await using remdm = await launch(checkpoint, card, device, signal);
    for (const each of cases) {
      const theirs = await original.run({ ...originalOptions(each), batch, seed });
      const ours = await runOurs(remdm, each, { batch, seed, signal });
      yield {
        checkpoint: basename(checkpoint),
        case: each,
        comparison: compareStates(
          [...theirs.trajectory, theirs.tokens],
          [...ours.trajectory.slice(0, theirs.trajectory.length), ours.tokens],
        ),
        outputDifference: await outputDifference(remdm, theirs.probe),
        forwardCalls: { theirs: theirs.forwardCalls, ours: ours.forwardCalls },
        seconds: { theirs: theirs.seconds, ours: ours.seconds },
      };
    }
  }
}

/** @throws UsageError when one is no file. */
function named(checkpoints: readonly string[]): string[] | undefined {
  if (checkpoints.length === 0) return undefined;
  return checkpoints.map((checkpoint) => {
    const path = resolve(checkpoint);
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
    throw new UsageError(
      `There is no checkpoint file at ${path}`,
      "Name a .ckpt that the original can load; the bundled demo and other directories are none.",
    );
  });
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(HELP);
    return EXIT.agree;
  }
  const rows: Row[] = [];
  for await (const row of compare(options, signal)) {
    if (rows.length === 0) print(header());
    print(rowLine(row));
    const difference = differenceNote(row);
    if (difference !== undefined) print(difference);
    rows.push(row);
  }
  if (rows.length === 0) {
    throw new UsageError("No checkpoint has any of the samplers in --only", "Name others.");
  }
  print(`\n${summary(rows)}`);
  return rows.every(agrees) ? EXIT.agree : EXIT.differ;
}

await runProgram(main);
