// @part backend
/** The built program's `checkpoints` and `convert`: what they print, how they end, what they leave. */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { findPython, Remdm } from "../../../../src/index.ts";
import { packageRoot } from "../../../../src/foundation/packageRoot.ts";
import { archive } from "../../../checkpoints/support/archive.ts";
import { DriveServer, page } from "../../../checkpoints/support/driveServer.ts";
import { goldenCheckpoint, goldenTokenizer } from "../../../support/golden.ts";
import { startProgram, until, type End } from "../../support/program.ts";

const FILE = archive({ payload: randomBytes(300_000) });

let scratch = "";
let drive: DriveServer;
beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-checkpoints-"));
  mkdirSync(join(scratch, "cache"));
  drive = await DriveServer.start(FILE);
});
afterEach(async () => {
  await drive[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const cached = (name: string) => join(scratch, "cache", name);

function start(...args: string[]) {
  const env = { REMDM_CACHE: join(scratch, "cache"), REMDM_DRIVE_URL: drive.url };
  return startProgram(args, { cwd: scratch, env });
}

function run(...args: string[]): Promise<End> {
  return start(...args).end;
}

/** A download of `ar` of which 100,000 bytes have come, and no more will. */
async function startHalf() {
  drive.faults.push((_, response) => {
    response.writeHead(200, { "content-length": FILE.length, etag: '"one"' });
    response.write(FILE.subarray(0, 100_000));
    return true;
  });
  const started = start("checkpoints", "download", "ar");
  const part = cached("ar.ckpt.part");
  await until(() => existsSync(part) && readFileSync(part).length === 100_000);
  return started;
}

describe("remdm checkpoints", () => {
  it("lists names, sizes, ids and places", async () => {
    const { code, stdout } = await run("checkpoints");
    expect(code).toBe(0);
    expect(stdout).toMatch(/mdlm .*about 1\.36 GB or more\n +not here; Drive id 1Ul68afQtLMKa/);
    expect(stdout).toContain("1VMOpXfIg2bKede2N7Ot06jOcvSZuBBEl");
    expect(stdout).toContain("1s_9Yu_kGbjzTN3dyz1yyTcg9ulJgyv5l");
    expect(stdout).toMatch(/demo +mdlm, /);
  });

  it("says as JSON what is here", async () => {
    writeFileSync(cached("sedd.ckpt"), FILE);
    writeFileSync(cached("ar.ckpt.part"), FILE);
    const { stdout } = await run("checkpoints", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      directory: join(scratch, "cache"),
      published: [
        { name: "mdlm", path: cached("mdlm.ckpt") },
        { name: "ar", partialBytes: FILE.length },
        { name: "sedd", bytes: FILE.length, driveId: "1s_9Yu_kGbjzTN3dyz1yyTcg9ulJgyv5l" },
      ],
      bundled: expect.arrayContaining([expect.objectContaining({ name: "demo", kind: "mdlm" })]),
    });
  });

  it("looks where it is told, and says what is wrong there", async () => {
    mkdirSync(join(scratch, "here"));
    writeFileSync(join(scratch, "here", "ar.ckpt"), FILE);
    const { code, stdout } = await run("checkpoints", "--dir", "here", "--json");
    expect(code).toBe(0);
    const path = join(scratch, "here", "ar.ckpt");
    expect(JSON.parse(stdout)).toMatchObject({
      directory: join(scratch, "here"),
      published: [{ name: "mdlm" }, { name: "ar", path, bytes: FILE.length }, { name: "sedd" }],
    });
    const wrong = await run("checkpoints", "--dir", "");
    expect(wrong.stderr).toMatch(
      /^error: option '--dir <directory>' argument '' is invalid. It must be a path./,
    );
    expect(wrong.code).toBe(2);
  });

  it.each([
    [["checkpoints", "download"], "missing required argument"],
    [["checkpoints", "download", "gpt4"], "one of mdlm, ar, sedd, or OWNER/NAME of the"],
    [["checkpoints", "download", "ar", "--revision", "v1"], "has no revisions"],
    [["checkpoints", "upload"], "Did you mean `npx remdm checkpoints download`?"],
    [["convert", "demo"], "--out"],
    [["convert", "demo", "--out", "x", "--dtype", "int8"], "Allowed choices are float32, float16"],
  ])("%j is bad usage", async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

describe("remdm checkpoints download", () => {
  it("prints the path, the hash beside it, and is not repeated", async () => {
    const { code, stdout, stderr } = await run("checkpoints", "download", "mdlm");
    expect(stderr).toMatch(/mdlm is whole: 300 kB, SHA-256 [0-9a-f]{64}\n/);
    expect(stdout).toBe(`${cached("mdlm.ckpt")}\n`);
    expect(code).toBe(0);
    const again = await run("checkpoints", "download", "mdlm", "--json", "--quiet");
    expect(JSON.parse(again.stdout)).toMatchObject({
      path: cached("mdlm.ckpt"),
      downloaded: false,
    });
    expect(again.stderr).toBe("");
    expect(drive.asked).toHaveLength(1);
  });

  it("Ctrl-C ends it at once with 130, keeps what came, and the same command goes on", async () => {
    const { child, end } = await startHalf();
    const asked = performance.now();
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(performance.now() - asked).toBeLessThan(1500);
    expect(code).toBe(130);
    expect(stderr).toContain("Stopped. 100 kB have arrived and are kept; the same command goes on");
    await expect(run("checkpoints", "download", "ar")).resolves.toMatchObject({ code: 0 });
    expect(drive.asked.at(-1)?.range).toBe("bytes=100000-");
    expect(readFileSync(cached("ar.ckpt")).equals(FILE)).toBe(true);
  });

  it("a crash leaves a part that the same command goes on from", async () => {
    const { child, end } = await startHalf();
    child.kill("SIGKILL");
    await end;
    await expect(run("checkpoints", "download", "ar")).resolves.toMatchObject({ code: 0 });
    expect(drive.asked.at(-1)?.range).toBe("bytes=100000-");
    expect(readdirSync(join(scratch, "cache")).sort()).toEqual(["ar.ckpt", "ar.ckpt.json"]);
  });

  it("a quota page is no checkpoint, and the remedy says what is", async () => {
    drive.faults.push(page("<title>Google Drive - Quota exceeded</title>"));
    const { code, stderr } = await run("checkpoints", "download", "sedd", "--dir", "here");
    expect(stderr).toMatch(
      /^error: Google Drive gives this file to nobody for now.*\n {2}Try again/,
    );
    expect(stderr).toContain(join(scratch, "here", "sedd.ckpt"));
    expect(code).toBe(1);
  });
});

describe("a published name is a checkpoint", () => {
  it("that is to be downloaded first", async () => {
    const { code, stderr } = await run("sample", "--checkpoint", "mdlm", "--quiet");
    expect(stderr).toContain(`error: There is no checkpoint at ${cached("mdlm.ckpt")}`);
    expect(stderr).toContain("remdm checkpoints download mdlm");
    expect(code).toBe(1);
  });
});

describe("remdm convert", () => {
  it("writes what samples the same tokens through the wire", async () => {
    const source = goldenCheckpoint("sedd");
    const { code, stdout, stderr } = await run("convert", source, "--out", "sedd", "--quiet");
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `${join(scratch, "sedd")}\n`,
      stderr: "",
    });
    const tokenizer = goldenTokenizer;
    const sampled = [];
    for (const checkpoint of [source, join(scratch, "sedd")]) {
      await using remdm = await Remdm.launch({ checkpoint, tokenizer });
      const { tokens } = await remdm
        .sample({ strategy: { kind: "analytic" }, steps: 8, seed: 4 })
        .result();
      sampled.push(tokens.map((ids) => [...ids]));
      expect(remdm.model).toMatchObject({ kind: "sedd", timeConditioning: true, length: 64 });
    }
    expect(sampled[1]).toEqual(sampled[0]);
  });

  it("does not replace what is there, nor write where it may not", async () => {
    await expect(run("convert", "demo", "--out", "d", "--dtype", "float16")).resolves.toMatchObject(
      { code: 0 },
    );
    const before = readFileSync(join(scratch, "d", "model.safetensors"));
    const refused = await run("convert", "demo", "--out", "d");
    expect(refused.stderr).toMatch(/^error: .*has a card\.json already\.\n {2}.*--force/);
    expect(refused.code).toBe(1);
    expect(readFileSync(join(scratch, "d", "model.safetensors")).equals(before)).toBe(true);
    const nowhere = await run("convert", "demo", "--out", "/dev/null/d");
    expect(nowhere.stderr).toMatch(/^error: .*cannot be written/);
  });

  it("says so where what it writes takes a published checkpoint's name", async () => {
    const { code, stderr } = await run("convert", "demo", "--out", "mdlm", "--dtype", "float16");
    expect(stderr).toContain("`mdlm` now means what was written");
    expect(code).toBe(0);
    const elsewhere = await run("convert", "demo", "--out", "below/mdlm", "--dtype", "float16");
    expect(elsewhere.stderr).not.toContain("now means");
  });

  it("Ctrl-C ends it and leaves no half file", async () => {
    const source = join(scratch, "large.ckpt");
    const maker = join(packageRoot, "py_backend", "tests", "make_checkpoint.py");
    await execa(findPython().path, [
      maker,
      source,
      "--hidden",
      "256",
      "--blocks",
      "8",
      "--heads",
      "4",
      "--vocab",
      "20000",
    ]);
    const { child, end } = start("convert", source, "--out", "out");
    await until(() => existsSync(join(scratch, "out")));
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(stderr).toContain("Stopping.\n");
    expect(code).toBe(130);
    // On a busy machine the program does not wait until its Python has tidied up.
    await until(() => !existsSync(join(scratch, "out")));
  });
});
