/** `remdm checkpoints`: which there are, and `remdm checkpoints download NAME`. */
import { Argument, Command } from "commander";
import { PUBLISHED_NAMES, type PublishedName } from "../../checkpoints/published.ts";
import { quoted } from "../../foundation/messages.ts";
import { nearest } from "../../foundation/nearest.ts";
import { namingOf } from "../naming.ts";
import { readPath, UsageError } from "../usage.ts";

interface ListFlags {
  readonly dir?: string;
  readonly json?: true;
}

export interface DownloadFlags extends ListFlags {
  readonly force?: true;
  readonly quiet?: true;
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
      const { runList } = await import("./checkpointJobs.ts");
      process.exitCode = runList(dir, json === true, namingOf(self));
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
      const { runDownload } = await import("./checkpointJobs.ts");
      // `--dir` and `--json` are the parent's options, too, and commander may give them to either.
      process.exitCode = await runDownload(name, self.optsWithGlobals(), namingOf(self));
    });
  return command.addCommand(download);
}

/** Commander says of a misspelt part of a command that does something by itself: "too many arguments". */
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
