import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { checkTorchArchive } from "../../src/checkpoints/torchArchive.ts";
import { goldenCheckpoint } from "../support/golden.ts";
import { archive, type ArchiveOptions } from "./support/archive.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-archive-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function check(bytes: Buffer): Promise<void> {
  const path = join(scratch, "a.ckpt");
  writeFileSync(path, bytes);
  return checkTorchArchive(path, "Do this.");
}

describe("a whole archive is accepted", () => {
  it.each(["mdlm", "sedd", "d3pm", "ar"])("the original's %s.ckpt", async (name) => {
    await expect(checkTorchArchive(goldenCheckpoint(name), "")).resolves.toBeUndefined();
  });

  it.each<ArchiveOptions>([
    {},
    { wide: true },
    { comment: "a comment" },
    { wide: true, comment: "PK" },
  ])("%j", async (options) => {
    await expect(check(archive(options))).resolves.toBeUndefined();
  });
});

describe("everything else is refused", () => {
  it("cut short, wherever", async () => {
    for (const options of [{}, { wide: true }]) {
      const whole = archive(options);
      for (let length = 0; length < whole.length; length += 13) {
        await expect(check(whole.subarray(0, length))).rejects.toMatchObject({
          name: "DownloadError",
          code: "checkpoint_invalid",
          remedy: "Do this.",
        });
      }
    }
  });

  it("with bytes missing in the middle, or more at the end", async () => {
    const whole = archive();
    const holed = Buffer.concat([whole.subarray(0, 300), whole.subarray(400)]);
    await expect(check(holed)).rejects.toThrow("missing or too many");
    await expect(check(Buffer.concat([whole, Buffer.from("more")]))).rejects.toThrow("cut short");
  });

  it.each<[string, Buffer]>([
    ["not begin as a zip", Buffer.from("<!DOCTYPE html><html>")],
    ["not begin as a zip", Buffer.alloc(0)],
    ["not one that torch.save writes", archive({ pickleName: "word/document.xml" })],
    ["is compressed", archive({ method: 8 })],
  ])("%s", async (message, bytes) => {
    await expect(check(bytes)).rejects.toThrow(message);
  });

  it("an entry that reaches beyond the file", async () => {
    const bytes = archive();
    const directory = bytes.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
    bytes.writeUInt32LE(1_000_000, directory + 20);
    await expect(check(bytes)).rejects.toThrow("reaches beyond");
  });

  it("no file", async () => {
    await expect(checkTorchArchive(join(scratch, "none"), "")).rejects.toMatchObject({
      code: "output_failed",
    });
  });
});
