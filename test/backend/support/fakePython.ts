/** Programs that stand in for Python: started as it would be, with a behaviour of the test's choice. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";
import { ready } from "./fakeBackend.ts";

const directories: string[] = [];

/** @param body CommonJS; `argument("--endpoint")` is the value of an option. */
export function fakePython(body: string): string {
  const directory = mkdtempSync(join(tmpdir(), "remdm-python-"));
  directories.push(directory);
  const path = join(directory, "python");
  const argument = "const argument = (name) => process.argv[process.argv.indexOf(name) + 1];";
  writeFileSync(path, `#!${process.execPath}\n${argument}\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

export function removeFakePythons(): void {
  for (const directory of directories.splice(0))
    rmSync(directory, { recursive: true, force: true });
}

const require = (name: string): string =>
  `require(${JSON.stringify(join(packageRoot, "node_modules", name))})`;

interface Behaviour {
  /** JSON of its answer to the handshake. */
  readonly onHello?: string;
  /** What it does with a forward; default: it lets it wait. */
  readonly onForward?: string;
  /** What it does before it listens. */
  readonly beforeStart?: string;
}

/** Answers the handshake and pings, as a backend does, and ends with its standard input. */
export function servingPython({
  onHello = JSON.stringify(ready(0)),
  onForward = "",
  beforeStart = "",
}: Behaviour = {}): string {
  return fakePython(`
    const { Router } = ${require("zeromq")};
    const { Packr } = ${require("msgpackr")};
    const packr = new Packr({ useRecords: false });
    process.stdin.resume().on("end", () => process.exit(0));
    (async () => {
      ${beforeStart}
      const router = new Router({ linger: 0 });
      await router.bind(argument("--endpoint"));
      console.error("remdm-backend: listening");
      for await (const frames of router) {
        const [client, frame] = frames;
        const { type, id } = packr.unpack(frame);
        const send = (header) => router.send([client, packr.pack(header)]);
        if (type === "hello") await send({ ...${onHello}, id });
        else if (type === "ping") await send({ type: "pong", id, busy: false, queued: 0 });
        else { ${onForward} }
      }
    })();
  `);
}

/** Whether a process is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The directory of a socket's address. */
export function directoryOf(endpoint: string): string {
  return join(endpoint.replace("ipc://", ""), "..");
}

export async function until(holds: () => boolean, seconds = 20): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
