/** Defines `remdm checkpoints`, which lists them, and `remdm checkpoints download NAME`. */
import { Argument, Command } from "commander";
import { PUBLISHED_NAMES, type PublishedName } from "../../../checkpoints/published.ts";
import { quoted } from "../../../foundation/messages.ts";
import { nearest } from "../../../foundation/nearest.ts";
import { namingOf } from "../../naming.ts";
import { runCommand } from "../../runCommand.ts";
import { readPath, UsageError } from "../../usage.ts";
import type { DownloadFlags } from "./download.ts";

interface ListFlags {
  readonly dir?: string;
  readonly json?: true;
}

const NOTES = `
The published ones are those of the original repository, on Google Drive. Downloaded, they are known by their names:
  remdm checkpoints download mdlm
  remdm sample --checkpoint mdlm --steps 1024`;

const DOWNLOAD_NOTES = `
They go into $REMDM_CACHE, or ~/.cache/remdm/checkpoints. Interrupted in any way, the same command goes on from what has
arrived. Exit codes: 0, 1 for a failure, 2 for bad usage, 130 after Ctrl-C.`;

export function checkpointsCommand(): Command {
  const command = new Command("checkpoints")
    .description("list the published and the bundled checkpoints, or download one")
    .option("--dir <directory>", "where to look for downloads (default: the cache)", readPath)
    .option("--json", "print one JSON object")
    .addHelpText("after", NOTES)
    .action(async ({ dir, json }: ListFlags, self: Command) => {
      refuseUnknown(self);
      process.exitCode = await runCommand({ naming: namingOf(self) }, async ({ print }) => {
        const { listCheckpoints } = await import("./list.ts");
        print(listCheckpoints(dir, json === true));
      });
    });
  const download = new Command("download")
    .description("fetch a published checkpoint")
    .addArgument(new Argument("<name>", "which").choices(PUBLISHED_NAMES))
    .option("--dir <directory>", "where to put it (default: the cache)", readPath)
    .option("--force", "fetch it although it is there")
    .option("--json", "print one JSON object")
    .option("--quiet", "no progress")
    .addHelpText("after", DOWNLOAD_NOTES)
    .action(async (name: PublishedName, _: DownloadFlags, self: Command) => {
      // `--dir` and `--json` are the parent's options, too, and commander may give them to either.
      const flags: DownloadFlags = self.optsWithGlobals();
      const frame = { naming: namingOf(self), quiet: flags.quiet };
      process.exitCode = await runCommand(frame, async (session) => {
        const job = await import("./download.ts");
        await job.download(session, name, flags);
      });
    });
  return command.addCommand(download);
}

/**
 * Commander says of a misspelt part of a command that does something by itself: "too many
 * arguments".
 */
function refuseUnknown({ args, commands }: Command): void {
  const word = args.at(0);
  if (word === undefined) return;
  const names = commands.map((command) => command.name());
  const meant = nearest(word, names) ?? names[0];
  throw new UsageError(
    `checkpoints has no command ${quoted(word)}`,
    `Did you mean \`npx remdm checkpoints ${meant}\`? Without a command, \`npx remdm checkpoints\` lists what there is.`,
  );
}
