/** Defines `remdm checkpoints`, which lists them, and `remdm checkpoints download NAME`. */
import { Command, InvalidArgumentError } from "commander";
import { isHubName, type HubName } from "../../../checkpoints/hub/names.ts";
import {
  isPublishedName,
  PUBLISHED_NAMES,
  type PublishedName,
} from "../../../checkpoints/published.ts";
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
  remdm sample --checkpoint mdlm --steps 1024
So are models of the Hugging Face hub:
  remdm checkpoints download kuleshov-group/mdlm-owt
  remdm sample --checkpoint kuleshov-group/mdlm-owt --steps 1024`;

const DOWNLOAD_NOTES = `
Published ones go into $REMDM_CACHE, or ~/.cache/remdm/checkpoints. OWNER/NAME is a model of the Hugging Face hub: its
configuration, tokenizer and safetensors go into the hub's cache ($HF_HUB_CACHE, or ~/.cache/huggingface/hub), which Python
shares. HF_TOKEN is your token for private and gated models, HF_ENDPOINT another server. Interrupted in any way, the same
command goes on from what has arrived. Exit codes: 0, 1 for a failure, 2 for bad usage, 130 after Ctrl-C.`;

export function checkpointsCommand(): Command {
  const command = new Command("checkpoints")
    .description("list the published, the downloaded and the bundled checkpoints, or download one")
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
    .description("fetch a published checkpoint, or a model of the Hugging Face hub")
    .argument("<name>", `${PUBLISHED_NAMES.join(", ")}, or OWNER/NAME of the hub`, readName)
    .option("--dir <directory>", "where to put it (default: the cache)", readPath)
    .option("--revision <revision>", "a branch, tag or commit of the hub's model (default: main)")
    .option("--force", "fetch it although it is there")
    .option("--json", "print one JSON object")
    .option("--quiet", "no progress")
    .addHelpText("after", DOWNLOAD_NOTES)
    .action(async (name: PublishedName | HubName, _: DownloadFlags, self: Command) => {
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

/** For commander: the name of something that can be downloaded. */
function readName(text: string): PublishedName | HubName {
  if (isPublishedName(text) || isHubName(text)) return text;
  const names = PUBLISHED_NAMES.join(", ");
  throw new InvalidArgumentError(
    `It must be one of ${names}, or OWNER/NAME of the Hugging Face hub.`,
  );
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
