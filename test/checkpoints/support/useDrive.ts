/** A server of its own for each test, and a directory to download `mdlm` into. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "@jest/globals";
import { DriveServer } from "./driveServer.ts";

/** To be called once, outside all tests. @param file what the server gives. */
export function useDrive(file: Buffer) {
  let directory = "";
  let server: DriveServer | undefined;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "remdm-drive-"));
    server = await DriveServer.start(file);
  });
  afterEach(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });
  const scratch = () => directory;
  const path = () => join(directory, "mdlm.ckpt");
  return {
    scratch,
    path,
    drive: (): DriveServer => {
      if (server === undefined) throw new Error("no test is running");
      return server;
    },
    part: () => `${path()}.part`,
    left: () => readdirSync(directory).sort(),
  };
}
