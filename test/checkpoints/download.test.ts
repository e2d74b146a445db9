/** A download against a server that stands in for Google Drive, faults included. */
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { describe, expect, it } from "@jest/globals";
import {
  downloadCheckpoint,
  publishedCheckpoints,
  type DownloadOptions,
  type DownloadProgress,
} from "../../src/index.ts";
import { describeUnless } from "../support/describeUnless.ts";
import { archive } from "./support/archive.ts";
import { page, status, type Fault } from "./support/driveServer.ts";
import { useDrive } from "./support/useDrive.ts";

const FILE = archive({ payload: randomBytes(300_000) });
const OTHER = archive({ payload: randomBytes(310_000) });
const CUT = 100_000;

const { drive, scratch, path, part, left } = useDrive(FILE);

function download(options: DownloadOptions = {}) {
  const settings = { dir: scratch(), driveUrl: drive().url, retryDelayMs: 1, stallMs: 20_000 };
  return downloadCheckpoint("mdlm", { ...settings, ...options });
}

/** The connection is cut after so many bytes. */
const cut =
  (bytes = CUT): Fault =>
  (request, response) => {
    drive().give(request, response, bytes);
    return true;
  };

/** Gives a beginning and then nothing more. */
const stalled: Fault = (_, response) => {
  response.writeHead(200, { "content-length": FILE.length, etag: '"one"' });
  response.write(FILE.subarray(0, CUT));
  return true;
};

describe("a download", () => {
  it("brings the file, its hash and nothing else", async () => {
    const sha256 = createHash("sha256").update(FILE).digest("hex");
    await expect(download()).resolves.toEqual({
      name: "mdlm",
      path: path(),
      bytes: FILE.length,
      sha256,
      downloaded: true,
    });
    expect(readFileSync(path()).equals(FILE)).toBe(true);
    expect(left()).toEqual(["mdlm.ckpt", "mdlm.ckpt.json"]);
    expect(JSON.parse(readFileSync(`${path()}.json`, "utf8"))).toMatchObject({
      bytes: FILE.length,
      sha256,
      driveId: "1Ul68afQtLMKa-9fd80cCtwabFJlxizGe",
    });
    expect(drive().asked).toEqual([
      {
        query: "?id=1Ul68afQtLMKa-9fd80cCtwabFJlxizGe&export=download&confirm=t",
        range: undefined,
        ifRange: undefined,
      },
    ]);
    const listed = publishedCheckpoints({ dir: scratch() }).map(({ name, bytes }) => [name, bytes]);
    expect(listed).toEqual([
      ["mdlm", FILE.length],
      ["ar", undefined],
      ["sedd", undefined],
    ]);
  });

  it("tells progress that adds up", async () => {
    const seen: DownloadProgress[] = [];
    drive().faults.push(cut());
    await download({ onProgress: (progress) => seen.push(progress) });
    for (const stage of ["download", "check"] as const) {
      const done = seen.filter((one) => one.stage === stage).map((one) => one.done);
      expect(done).toEqual([...done].sort((a, b) => a - b));
      expect(done.at(-1)).toBe(FILE.length);
    }
    expect(new Set(seen.map(({ total }) => total))).toEqual(new Set([FILE.length]));
  });

  it("is not repeated, unless that is asked for", async () => {
    const first = await download();
    await expect(download()).resolves.toEqual({ ...first, downloaded: false });
    expect(drive().asked).toHaveLength(1);
    drive().file = OTHER;
    await expect(download({ force: true })).resolves.toMatchObject({ bytes: OTHER.length });
    expect(readFileSync(path()).equals(OTHER)).toBe(true);
  });

  it("keeps the old file when a forced one fails", async () => {
    await download();
    drive().faults.push(status(404));
    await expect(download({ force: true })).rejects.toMatchObject({ code: "download_refused" });
    expect(readFileSync(path()).equals(FILE)).toBe(true);
  });

  it("recognises a file that was put there by hand, and one that is none", async () => {
    writeFileSync(path(), FILE);
    await expect(download()).resolves.toMatchObject({ downloaded: false, bytes: FILE.length });
    writeFileSync(path(), FILE.subarray(0, CUT));
    await expect(download()).rejects.toMatchObject({
      code: "checkpoint_invalid",
      remedy: expect.stringContaining("the option `force`"),
    });
    expect(drive().asked).toEqual([]);
  });

  it("comes without a length, too", async () => {
    drive().faults.push((_, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" }).end(FILE);
      return true;
    });
    await expect(download()).resolves.toMatchObject({ bytes: FILE.length });
  });
});

describe("an interrupted download goes on from the byte", () => {
  it("within one call", async () => {
    const reasons: string[] = [];
    drive().faults.push(cut(), cut(1000));
    await download({ onRetry: (reason) => reasons.push(reason) });
    expect(readFileSync(path()).equals(FILE)).toBe(true);
    expect(drive().asked.map(({ range, ifRange }) => [range, ifRange])).toEqual([
      [undefined, undefined],
      [`bytes=${CUT}-`, '"one"'],
      [`bytes=${CUT + 1000}-`, '"one"'],
    ]);
    expect(reasons).toHaveLength(2);
  });

  it("over several calls", async () => {
    drive().faults.push(cut());
    await expect(download({ tries: 1 })).rejects.toMatchObject({
      name: "DownloadError",
      code: "download_interrupted",
      message: expect.stringMatching(/^The download of mdlm broke off after 100 kB of 300 kB: /),
      remedy: expect.stringContaining("remdm checkpoints download mdlm"),
    });
    expect(left()).toEqual(["mdlm.ckpt.part", "mdlm.ckpt.part.json"]);
    expect(publishedCheckpoints({ dir: scratch() })[0]).toMatchObject({ partialBytes: CUT });
    await download();
    expect(drive().asked.at(-1)?.range).toBe(`bytes=${CUT}-`);
    expect(readFileSync(path()).equals(FILE)).toBe(true);
  });

  it("is told by the date where there is no strong ETag", async () => {
    drive().etag = 'W/"weak"';
    drive().lastModified = "Tue, 24 Nov 2026 00:00:00 GMT";
    drive().faults.push(cut());
    await download();
    expect(drive().asked.at(-1)?.ifRange).toBe(drive().lastModified);
    expect(readFileSync(path()).equals(FILE)).toBe(true);
  });

  it("has only its name to get when all had come", async () => {
    await download();
    writeFileSync(part(), FILE);
    const notes = { source: "1Ul68afQtLMKa-9fd80cCtwabFJlxizGe", total: FILE.length };
    writeFileSync(`${part()}.json`, JSON.stringify(notes));
    rmSync(path());
    await expect(download()).resolves.toMatchObject({ bytes: FILE.length, downloaded: true });
    expect(drive().asked).toHaveLength(1);
  });

  it("begins anew when the server ignores ranges", async () => {
    drive().faults.push(cut(), (request, response) => {
      delete request.headers.range;
      drive().give(request, response);
      return true;
    });
    await download();
    expect(drive().asked).toHaveLength(2);
    expect(readFileSync(path()).equals(FILE)).toBe(true);
  });

  it.each([true, false])(
    "begins anew when the file is another one (If-Range heeded: %j)",
    async (heeded) => {
      drive().faults.push(cut(), (request) => {
        drive().file = OTHER;
        drive().etag = '"two"';
        if (!heeded) delete request.headers["if-range"];
        return false;
      });
      await download();
      expect(readFileSync(path()).equals(OTHER)).toBe(true);
    },
  );

  it("begins anew when the file has become shorter than what is here", async () => {
    const short = archive({ payload: randomBytes(50_000) });
    drive().etag = undefined;
    drive().faults.push(cut(), () => {
      drive().file = short;
      return false;
    });
    await download();
    expect(readFileSync(path()).equals(short)).toBe(true);
  });

  it("does not trust a part of which nothing is known", async () => {
    writeFileSync(part(), Buffer.alloc(5000, 1));
    writeFileSync(`${part()}.json`, '{"source": "1Ul68');
    await download();
    expect(drive().asked[0]?.range).toBeUndefined();
    expect(readFileSync(path()).equals(FILE)).toBe(true);
  });

  it("removes a whole that fits together and is no checkpoint", async () => {
    drive().file = Buffer.concat([FILE.subarray(0, CUT), randomBytes(CUT)]);
    await expect(download()).rejects.toMatchObject({ code: "checkpoint_invalid" });
    expect(left()).toEqual([]);
  });
});

describe("Google Drive's pages", () => {
  const SCAN = (
    action: string,
  ) => `<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head>
    <body><form id="download-form" action="${action}" method="get">
    <input type="submit" id="uc-download-link" value="Download anyway"/><input type="hidden" name="id" value="1Ul68">
    <input type="hidden" name="export" value="download"><input type="hidden" value='a&amp;b' name="uuid"></form></body></html>`;

  it("the virus scan's form is sent, also when a download goes on", async () => {
    drive().faults.push(page(SCAN("/download")), cut(), page(SCAN(drive().url)));
    await download();
    expect(readFileSync(path()).equals(FILE)).toBe(true);
    expect(drive().asked.map(({ query, range }) => [query.slice(0, 8), range])).toEqual([
      ["?id=1Ul6", undefined],
      ["?id=1Ul6", undefined],
      ["?id=1Ul6", `bytes=${CUT}-`],
      ["?id=1Ul6", `bytes=${CUT}-`],
    ]);
    expect(drive().asked[1]?.query).toBe("?id=1Ul68&export=download&uuid=a%26b");
  });

  it.each([
    ["https://evil.example/download", "sent a page"],
    ["https://google.com.evil.example/", "sent a page"],
  ])("a form that leads to %s is not followed", async (action, message) => {
    drive().faults.push(page(SCAN(action)));
    await expect(download()).rejects.toThrow(message);
  });

  it("a form without end is given up", async () => {
    drive().faults.push(...Array.from({ length: 3 }, () => page(SCAN("/download"))));
    await expect(download()).rejects.toThrow("asked for a confirmation 3 times");
  });

  it.each([200, 403, 429])("an exceeded quota, with %d", async (code) => {
    const html = `<html><head><title>Google Drive - Quota exceeded</title></head><body>Too many users have viewed or
      downloaded this file recently.</body></html>`;
    drive().faults.push(page(html, code));
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringContaining("downloaded too often"),
      remedy: expect.stringContaining(`save the file as ${path()}`),
    });
    expect(drive().asked).toHaveLength(1);
    expect(left()).toEqual([]);
  });

  it("any other page is no checkpoint, and is named", async () => {
    drive().faults.push(page("<html><title>Sign\u001b in</title></html>"));
    await expect(download()).rejects.toThrow('sent a page in place of the file: "Sign? in"');
  });

  it("a page that calls itself a file is known by its first bytes, and spoils no part", async () => {
    drive().faults.push(cut());
    await expect(download({ tries: 1 })).rejects.toThrow("broke off");
    drive().faults.push((_, response) => {
      response
        .writeHead(200, { "content-type": "application/octet-stream" })
        .end("<!DOCTYPE html>");
      return true;
    });
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringContaining('begins with "<!DOCTYPE html>"'),
    });
    expect(readFileSync(part()).length).toBe(CUT);
    await download();
    expect(drive().asked.at(-1)?.range).toBe(`bytes=${CUT}-`);
  });
});

describe("a server in trouble", () => {
  it("is asked again after 429, 500, 503 and a lost connection", async () => {
    const delays: number[] = [];
    drive().faults.push(
      status(429, { "retry-after": "0" }),
      status(500),
      status(503),
      (request) => {
        request.socket.destroy();
        return true;
      },
    );
    await download({ onRetry: (_, delay) => delays.push(delay) });
    expect(delays).toEqual([0, 2, 4, 8]);
    expect(readFileSync(path()).equals(FILE)).toBe(true);
  });

  it("is given up after so many tries that bring nothing", async () => {
    drive().faults.push(...Array.from({ length: 3 }, () => status(500)));
    await expect(download({ tries: 3 })).rejects.toMatchObject({
      code: "download_interrupted",
      message: expect.stringContaining("the server answers 500"),
    });
    expect(left()).toEqual([]);
  });

  it.each([
    [404, "has no such file (404)"],
    [403, "answers 403"],
  ])("is not asked again after %d", async (code, message) => {
    drive().faults.push(status(code));
    await expect(download()).rejects.toThrow(message);
    expect(drive().asked).toHaveLength(1);
  });

  it("that gives nothing for a while is left, and what came is kept", async () => {
    drive().faults.push(stalled);
    await expect(download({ tries: 1, stallMs: 300 })).rejects.toMatchObject({
      code: "download_interrupted",
      message: expect.stringContaining("nothing came for 0.3 s"),
      remedy: expect.stringContaining("goes on from there"),
    });
    expect(readFileSync(part()).length).toBe(CUT);
  });

  it("that never answers is left, too", async () => {
    drive().faults.push(() => true);
    await expect(download({ tries: 1, stallMs: 300 })).rejects.toThrow("nothing came");
  });

  it("that is not there", async () => {
    const driveUrl = "http://127.0.0.1:1/download";
    await expect(download({ tries: 2, driveUrl })).rejects.toThrow(
      /127\.0\.0\.1:1 cannot be reached/,
    );
  });
});

describe("this side in trouble", () => {
  it("an abort keeps what has come", async () => {
    const controller = new AbortController();
    drive().faults.push(stalled);
    const onProgress = ({ done }: DownloadProgress): void => {
      if (done === CUT) controller.abort();
    };
    await expect(download({ signal: controller.signal, onProgress })).rejects.toMatchObject({
      name: "AbortedError",
      code: "aborted",
      remedy: expect.stringContaining("goes on"),
    });
    expect(left()).toEqual(["mdlm.ckpt.part", "mdlm.ckpt.part.json"]);
    await download();
    expect(drive().asked.at(-1)?.range).toBe(`bytes=${CUT}-`);
  });

  it("an abort ends the wait before another try", async () => {
    drive().faults.push(status(500));
    const controller = new AbortController();
    const onRetry = (): void => controller.abort();
    const waiting = download({ signal: controller.signal, onRetry, retryDelayMs: 60_000 });
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
  });

  it("an abort before the beginning asks nothing", async () => {
    await expect(download({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(drive().asked).toEqual([]);
    expect(left()).toEqual([]);
  });

  it("a full disk", async () => {
    symlinkSync("/dev/full", part());
    await expect(download()).rejects.toMatchObject({
      code: "output_failed",
      message: expect.stringContaining("ENOSPC"),
      remedy: expect.stringContaining("Free some space"),
    });
  });

  it("a disk too small for what is announced", async () => {
    drive().faults.push((_, response) => {
      response.writeHead(200, { "content-length": 1e15 }).write("PK");
      return true;
    });
    await expect(download()).rejects.toMatchObject({
      code: "output_failed",
      message: expect.stringMatching(/room for .*, and 1000000.00 GB are to come/),
    });
  });

  const root = process.getuid?.() === 0 ? "root may write everywhere" : undefined;
  describeUnless(root, "as a user", () => {
    it("a directory that may not be written to", async () => {
      chmodSync(scratch(), 0o555);
      await expect(download()).rejects.toMatchObject({ code: "output_failed" });
      chmodSync(scratch(), 0o755);
    });
  });

  it("a directory that cannot be", async () => {
    await expect(download({ dir: "/dev/null/remdm" })).rejects.toMatchObject({
      code: "output_failed",
      remedy: expect.stringContaining("REMDM_CACHE"),
    });
    expect(drive().asked).toEqual([]);
  });
});

describe("two downloads at once", () => {
  it("of one process: one is refused", async () => {
    const ends = await Promise.allSettled([download(), download()]);
    const refused = ends.flatMap((end): unknown[] =>
      end.status === "rejected" ? [end.reason] : [],
    );
    expect(refused).toEqual([
      expect.objectContaining({
        code: "download_busy",
        message: `${path()} is being downloaded already, by this process`,
      }),
    ]);
    expect(left()).toEqual(["mdlm.ckpt", "mdlm.ckpt.json"]);
  });

  it.each([
    ["a living process", { pid: process.ppid, host: hostname() }, "or end it"],
    ["another machine", { pid: 1, host: "elsewhere" }, "mdlm.ckpt.lock"],
  ])("of %s: refused, however old its lock is", async (_, holder, remedy) => {
    const lock = `${path()}.lock`;
    writeFileSync(lock, JSON.stringify(holder));
    utimesSync(lock, new Date(0), new Date(0));
    await expect(download()).rejects.toMatchObject({
      code: "download_busy",
      message: expect.stringContaining(`process ${holder.pid}`),
      remedy: expect.stringContaining(remedy),
    });
    expect(existsSync(lock)).toBe(true);
  });

  it("of a process that is gone: its lock is taken over", async () => {
    writeFileSync(`${path()}.lock`, JSON.stringify({ pid: 2 ** 30, host: hostname() }));
    await expect(download()).resolves.toMatchObject({ downloaded: true });
    expect(left()).toEqual(["mdlm.ckpt", "mdlm.ckpt.json"]);
  });
});

it.each<[string, object]>([
  ["dir", { dir: "" }],
  ["force", { force: "yes" }],
  ["stallMs", { stallMs: 0 }],
  ["stallMs", { stallMs: 2 ** 31 }],
  ["tries", { tries: 0 }],
  ["retryDelayMs", { retryDelayMs: Number.NaN }],
  ["driveUrl", { driveUrl: "ftp://somewhere" }],
  ["url", { url: "x" }],
])("refuses a wrong %s before anything starts", async (option, options) => {
  await expect(download(options as DownloadOptions)).rejects.toMatchObject({
    code: "option_invalid",
    option,
  });
  expect(left()).toEqual([]);
});

it("names the variable when it is the variable that is wrong", async () => {
  process.env.REMDM_DRIVE_URL = "foo";
  try {
    await expect(downloadCheckpoint("mdlm", { dir: scratch() })).rejects.toMatchObject({
      option: "REMDM_DRIVE_URL",
      remedy: "Set REMDM_DRIVE_URL to an http:// or https:// address.",
    });
  } finally {
    delete process.env.REMDM_DRIVE_URL;
  }
});

it("refuses a name that is not published", async () => {
  await expect(downloadCheckpoint("gpt4" as "mdlm")).rejects.toMatchObject({
    option: "name",
    message:
      'name must be one of mdlm, ar, sedd, or OWNER/NAME of the Hugging Face hub; got "gpt4"',
  });
});
