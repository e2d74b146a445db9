/** Defines `remdm serve`, which runs a backend in the foreground, for several programs. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Command, Option } from "commander";
import { BackendError } from "../../backend/errors.ts";
import { endedError } from "../../backend/process/lastWords.ts";
import { LogTail } from "../../backend/process/logTail.ts";
import { BUNDLED_NAMES, bundledDirectory } from "../../checkpoints/published.ts";
import { findPython } from "../../backend/process/python.ts";
import { DEVICES, type Device } from "../../backend/device.ts";
import { resolveLaunch } from "../../program/launchOptions.ts";
import { BACKEND_MODULE, backendEnvironment } from "../../backend/process/environment.ts";
import { besideCheckpoint } from "../../tokenizer/load.ts";
import { namingOf } from "../naming.ts";
import { runCommand, type Session } from "../runCommand.ts";
import { CHECKPOINT_HELP, readDevice, readEndpoint, readPath } from "../usage.ts";

interface ServeFlags {
  readonly checkpoint: string;
  readonly endpoint?: string;
  readonly device: Device;
  readonly dtype: "float32" | "bfloat16";
  readonly rawWeights?: true;
}

const NOTES = `
Prints the endpoint on standard output as soon as the checkpoint is loaded, and serves until Ctrl-C.
Only your own user can connect: const remdm = await Remdm.connect({ endpoint: "ipc://..." })
A tokenizer of the checkpoint's own has to be named there: Remdm.connect({ endpoint, tokenizer: "path/to/tokenizer.json" })`;

export function serveCommand(): Command {
  return new Command("serve")
    .description("run the backend for other programs, until Ctrl-C")
    .option("--checkpoint <file>", CHECKPOINT_HELP, readPath, "demo")
    .option(
      "--endpoint <ipc://path>",
      "where to listen (default: a socket in a directory of yours)",
      readEndpoint,
    )
    .option("--device <name>", DEVICES, readDevice, "auto")
    .addOption(
      new Option("--dtype <type>", "what the network computes in")
        .choices(["float32", "bfloat16"])
        .default("float32"),
    )
    .option("--raw-weights", "the weights of the last training step, not the averaged (EMA) ones")
    .addHelpText("after", NOTES)
    .action(async (flags: ServeFlags, self: Command) => {
      const frame = { naming: namingOf(self), ownSignals: true };
      process.exitCode = await runCommand(frame, (session) => serve(session, flags));
    });
}

/**
 * Resolves when the backend was told to stop.
 * @throws BackendError, CheckpointError, OptionError.
 */
async function serve(session: Session, flags: ServeFlags): Promise<void> {
  const { endpoint = defaultEndpoint(), ...rest } = flags;
  const { checkpoint, device, dtype, rawWeights } = resolveLaunch(rest);
  const python = findPython().path;
  const network = ["--checkpoint", checkpoint, "--device", device, "--dtype", dtype];
  const child = spawn(
    python,
    [
      ...BACKEND_MODULE,
      ...["serve", "--endpoint", endpoint, "--managed", ...network],
      ...(rawWeights ? ["--raw-weights"] : []),
    ],
    // Managed: it ends when our end of its standard input closes, however we go.
    { stdio: ["pipe", "ignore", "pipe"], env: backendEnvironment() },
  );
  try {
    await watch(session, child, python, endpoint, tokenizerNote(checkpoint));
  } finally {
    if (flags.endpoint === undefined) removeIfEmpty(dirname(endpoint.slice("ipc://".length)));
  }
}

/** The backend's last line begins so when it fails; it is shown as an error instead. */
const REPORT = "remdm-backend: error ";

/** Writes what a program must say besides the endpoint, which knows no directory of the model. */
function tokenizerNote(checkpoint: string): string {
  const path = besideCheckpoint(checkpoint);
  const isKnown = BUNDLED_NAMES.some((name) => bundledDirectory(name) === checkpoint);
  return path === undefined || isKnown ? "" : `, tokenizer: ${JSON.stringify(path)}`;
}

/**
 * Tells the endpoint when the backend is ready, and waits for its end.
 * @param tokenizer for the line that says how to connect.
 */
async function watch(
  { signal, print }: Session,
  child: ChildProcess,
  python: string,
  endpoint: string,
  tokenizer: string,
): Promise<void> {
  const state = { ready: false, stopping: false };
  const log = new LogTail((line) => {
    if (!line.startsWith(REPORT)) process.stderr.write(`${line.replace("remdm-backend: ", "")}\n`);
    if (state.ready || !/^remdm-backend: \S+ ready\b/.test(line)) return;
    state.ready = true;
    print(`${endpoint}\n`);
    process.stderr.write(
      `Connect with Remdm.connect({ endpoint: "${endpoint}"${tokenizer} }); Ctrl-C stops.\n`,
    );
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => log.push(text));
  const stop = (): void => {
    child.kill(state.stopping ? "SIGKILL" : "SIGTERM");
    state.stopping = true;
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  signal.addEventListener("abort", stop);
  const end = await endOf(child);
  process.off("SIGINT", stop).off("SIGTERM", stop);
  log.end();
  if (!state.stopping) throw endedError(python, end, log.lines, state.ready);
}

interface End {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly cause?: unknown;
}

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once("error", (cause) => resolve({ cause }));
    child.once("close", (code, signal) =>
      resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }),
    );
  });
}

/** Makes the default address: the same each time, so that programs can know it. */
function defaultEndpoint(env: NodeJS.ProcessEnv = process.env): string {
  const directory = env.XDG_RUNTIME_DIR
    ? join(env.XDG_RUNTIME_DIR, "remdm")
    : join(tmpdir(), `remdm-${userId()}`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BackendError(
      "endpoint_invalid",
      `The directory ${directory} for the socket cannot be made: ${String(cause)}`,
      "Name a socket in a directory of yours with --endpoint ipc://PATH.",
      cause,
    );
  }
  const { uid, mode } = lstatSync(directory);
  // In a shared /tmp somebody else may have been there first.
  if (uid !== userId() || (mode & 0o077) !== 0) {
    throw new BackendError(
      "endpoint_invalid",
      `${directory} is not a directory of yours alone`,
      "Remove it, or name a socket in a directory of yours with --endpoint ipc://PATH.",
    );
  }
  return `ipc://${join(directory, "backend.sock")}`;
}

/** Removes the directory of sockets, unless another server is in it. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (existsSync(directory) && readdirSync(directory).length === 0) throw error;
  }
}

function userId(): number {
  return process.getuid?.() ?? 0;
}
