/** Fetches a checkpoint for `remdm checkpoints download`. */
import { downloadCheckpoint } from "../../../checkpoints/download.ts";
import type { DownloadOptions } from "../../../checkpoints/downloadOptions.ts";
import { isHubName, type HubName } from "../../../checkpoints/hub/names.ts";
import type { PublishedName } from "../../../checkpoints/published.ts";
import { bytesText } from "../../../foundation/messages.ts";
import type { Session } from "../../runCommand.ts";
import { bytesView } from "../../terminal/bytesView.ts";
import { toJson } from "../../terminal/terminalText.ts";
import { UsageError } from "../../usage.ts";

export interface DownloadFlags {
  readonly dir?: string;
  readonly json?: true;
  readonly force?: true;
  readonly quiet?: true;
  readonly revision?: string;
}

/**
 * Fetches a published checkpoint, or a model of the hub, and prints where it lies.
 * @throws UsageError; what the library throws.
 */
export async function download(
  session: Session,
  name: PublishedName | HubName,
  flags: DownloadFlags,
): Promise<void> {
  const options = optionsOf(session, name, flags);
  if (isHubName(name)) {
    const { revision } = flags;
    const model = await downloadCheckpoint(name, {
      ...options,
      ...(revision !== undefined && { revision }),
    });
    report(session, flags, model, `revision ${model.revision}, commit ${model.commit}`);
    return;
  }
  if (flags.revision !== undefined) {
    throw new UsageError(
      `${name} is published as a file, which has no revisions`,
      "Leave --revision out; it is for models of the Hugging Face hub.",
    );
  }
  const file = await downloadCheckpoint(name, options);
  report(session, flags, file, `SHA-256 ${file.sha256}`);
  session.progress.note(
    "(The authors published no hash to compare it with. The tensors' own checksums are checked when it is loaded.)",
  );
}

/** Makes the options that both kinds of download have. */
function optionsOf(
  { signal, progress, onStopped }: Session,
  name: string,
  { force, dir }: DownloadFlags,
): DownloadOptions {
  let arrived = 0;
  onStopped(() => {
    const kept = arrived > 0 ? ` ${bytesText(arrived)} have arrived and are kept;` : "";
    return `Stopped.${kept} the same command goes on from there.`;
  });
  return {
    signal,
    force: force === true,
    ...(dir !== undefined && { dir }),
    onProgress: ({ stage, done, total }) => {
      if (stage === "download") arrived = done;
      const work = stage === "download" ? name : `checking ${name}`;
      progress.show(bytesView(work, done, total));
    },
    onRetry: (reason, delayMs) => {
      progress.note(`${reason}; trying again in ${(delayMs / 1000).toFixed(0)} s`);
    },
  };
}

interface Found {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly downloaded: boolean;
}

/** Prints where it lies, and notes what it is. */
function report(
  { progress, print }: Session,
  { json }: DownloadFlags,
  found: Found,
  identity: string,
): void {
  progress.end();
  print(json ? `${toJson(found)}\n` : `${found.path}\n`);
  const state = found.downloaded ? "is whole" : "was there already";
  progress.note(`${found.name} ${state}: ${bytesText(found.bytes)}, ${identity}`);
}
