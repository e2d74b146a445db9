/** Files that lie where a download looks: records of others, damage, directories, things that cannot be read. */
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import {
  downloadCheckpoint,
  publishedCheckpoints,
  type DownloadOptions,
  type DownloadProgress,
} from "../../src/index.ts";
import { archive } from "./support/archive.ts";
import { useDrive } from "./support/useDrive.ts";

const FILE = archive({ payload: randomBytes(300_000) });
/** As long as the other. */
const OTHER = archive({ payload: randomBytes(300_000) });
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

const { drive, scratch, path, part, left } = useDrive(FILE);
const record = () => `${path()}.json`;

function download(options: DownloadOptions = {}) {
  return downloadCheckpoint("mdlm", {
    dir: scratch(),
    driveUrl: drive().url,
    tries: 1,
    ...options,
  });
}

describe("the hash is that of the file", () => {
  it("when the one before it was as long, and hashing the new one was stopped", async () => {
    await download();
    drive().file = OTHER;
    const controller = new AbortController();
    const onProgress = ({ stage }: DownloadProgress): void => {
      if (stage === "check") controller.abort();
    };
    const stopped = download({ force: true, signal: controller.signal, onProgress });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    expect(readFileSync(path()).equals(OTHER)).toBe(true);
    await expect(download()).resolves.toMatchObject({ sha256: sha256(OTHER) });
  });

  it("when another file of its length was put in its place", async () => {
    await download();
    writeFileSync(path(), OTHER);
    utimesSync(path(), new Date(), new Date(Date.now() + 5000));
    await expect(download()).resolves.toMatchObject({ sha256: sha256(OTHER) });
  });

  it("and is not computed again while the file is the same", async () => {
    await download();
    const stages: string[] = [];
    await download({ onProgress: ({ stage }) => stages.push(stage) });
    expect(stages).toEqual([]);
  });

  it.each(["{", "[]", "null"])("when its record is %j", async (text) => {
    await download();
    writeFileSync(record(), text);
    await expect(download()).resolves.toMatchObject({ sha256: sha256(FILE), downloaded: false });
    expect(JSON.parse(readFileSync(record(), "utf8"))).toMatchObject({ sha256: sha256(FILE) });
  });
});

describe("a file that is there", () => {
  // An administrator may write everywhere, so a record that is a directory stands for one that may not be written.
  it("is found where nothing can be written", async () => {
    writeFileSync(path(), FILE);
    mkdirSync(record());
    mkdirSync(`${path()}.lock`);
    await expect(download()).resolves.toMatchObject({ sha256: sha256(FILE), downloaded: false });
    expect(left()).toEqual(["mdlm.ckpt", "mdlm.ckpt.json", "mdlm.ckpt.lock"]);
  });

  it.each([false, true])("and is a directory (force: %j)", async (force) => {
    mkdirSync(path());
    await expect(download({ force })).rejects.toMatchObject({
      name: "DownloadError",
      code: "output_failed",
      message: `${path()} is not a file`,
      remedy: expect.stringContaining("Move it away"),
    });
    expect(drive().asked).toEqual([]);
    expect(publishedCheckpoints({ dir: scratch() })[0]).toMatchObject({ bytes: undefined });
  });

  it("and cannot be read", async () => {
    symlinkSync(path(), path());
    await expect(download()).rejects.toMatchObject({
      code: "output_failed",
      message: expect.stringMatching(/mdlm\.ckpt cannot be read: .*ELOOP/),
      remedy: expect.stringContaining("that you may read"),
    });
  });
});

it("a lock that cannot be is told as such", async () => {
  mkdirSync(`${path()}.lock`);
  await expect(download()).rejects.toMatchObject({ name: "DownloadError", code: "output_failed" });
});

it("what has come is kept when it cannot be looked at", async () => {
  const aside = join(scratch(), "aside");
  const onProgress = ({ stage, done }: DownloadProgress): void => {
    if (stage !== "download" || done !== FILE.length) return;
    renameSync(part(), aside);
    symlinkSync(part(), part());
  };
  await expect(download({ onProgress })).rejects.toMatchObject({
    code: "output_failed",
    message: expect.stringContaining("cannot be read"),
  });
  renameSync(aside, part());
  expect(existsSync(`${part()}.json`)).toBe(true);
  await expect(download()).resolves.toMatchObject({ downloaded: true, bytes: FILE.length });
  expect(drive().asked).toHaveLength(1);
});

it("a directory to look in must be one", () => {
  expect(() => publishedCheckpoints({ dir: "" })).toThrow("dir must be a path");
});
