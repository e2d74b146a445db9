/** Fetches a published checkpoint for `remdm checkpoints download`. */
import { downloadCheckpoint } from "../../../checkpoints/download.ts";
import type { PublishedName } from "../../../checkpoints/published.ts";
import { bytesText } from "../../../foundation/messages.ts";
import type { Session } from "../../runCommand.ts";
import { bytesView } from "../../terminal/bytesView.ts";
import { toJson } from "../../terminal/terminalText.ts";

export interface DownloadFlags {
  readonly dir?: string;
  readonly json?: true;
  readonly force?: true;
  readonly quiet?: true;
}

/** Fetches a published checkpoint and prints where it lies. @throws what the library throws. */
export async function download(
  { signal, progress, print, onStopped }: Session,
  name: PublishedName,
  flags: DownloadFlags,
): Promise<void> {
  let arrived = 0;
  onStopped(() => {
    const kept = arrived > 0 ? ` ${bytesText(arrived)} have arrived and are kept;` : "";
    return `Stopped.${kept} the same command goes on from there.`;
  });
  const found = await downloadCheckpoint(name, {
    signal,
    force: flags.force === true,
    ...(flags.dir !== undefined && { dir: flags.dir }),
    onProgress: ({ stage, done, total }) => {
      if (stage === "download") arrived = done;
      const work = stage === "download" ? name : `checking ${name}`;
      progress.show(bytesView(work, done, total));
    },
    onRetry: (reason, delayMs) => {
      progress.note(`${reason}; trying again in ${(delayMs / 1000).toFixed(0)} s`);
    },
  });
  progress.end();
  const { path, bytes, sha256, downloaded } = found;
  print(flags.json ? `${toJson(found)}\n` : `${path}\n`);
  progress.note(
    [
      `${name} ${downloaded ? "is whole" : "was there already"}: ${bytesText(bytes)}, SHA-256 ${sha256}`,
      "(The authors published no hash to compare it with. The tensors' own checksums are checked when it is loaded.)",
    ].join("\n"),
  );
}
