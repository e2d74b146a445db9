/** Runs a published sampler in Python and reads what it did. */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { Checkout } from "./peerOptions.ts";
import { readRecording, type PeerRecording } from "./peers/recordings.ts";
import { findPeersPython, peerRecorder } from "./places.ts";
import { UsageError } from "./usage.ts";

/** Exit code of Python's `argparse` for arguments that it refuses. */
const REFUSED = 2;

/**
 * Records a checkout into a temporary folder, which is gone at the end.
 * @throws UsageError where the folder is no checkout; an Error, with Python's last line, where the
 *   sampler cannot be run.
 */
export async function recordPeer(
  { peer, folder }: Checkout,
  signal: AbortSignal,
): Promise<PeerRecording> {
  const scratch = await mkdtemp(join(tmpdir(), "remdm-peers-"));
  const remove = () => rmSync(scratch, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const checkout = `${peer.replaceAll("-", "_")}=${folder}`;
    await runPython([peerRecorder, "--checkout", checkout, "--record", scratch], signal);
    return readRecording(join(scratch, `${peer}.json`));
  } finally {
    process.off("exit", remove);
    remove();
  }
}

async function runPython(args: readonly string[], signal: AbortSignal): Promise<void> {
  const python = findPeersPython();
  const { failed, exitCode, stderr, shortMessage } = await execa(python, args, {
    reject: false,
    stdin: "ignore",
    cancelSignal: signal,
    env: { PYTHONDONTWRITEBYTECODE: "1" },
  });
  signal.throwIfAborted();
  if (!failed) return;
  const message = (stderr.trim().split("\n").at(-1) || shortMessage) ?? "Python failed";
  if (exitCode === REFUSED) {
    throw new UsageError(
      message,
      "examples/parity/peers/README.md has repositories and revisions.",
    );
  }
  throw new Error(message, { cause: stderr });
}
