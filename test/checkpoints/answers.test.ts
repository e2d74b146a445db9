/** Answers of a server that are not to be trusted, or that say less than they might. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { readForm } from "../../src/checkpoints/drive.ts";
import { downloadCheckpoint } from "../../src/index.ts";
import { archive } from "./support/archive.ts";
import { DriveServer, page, status } from "./support/driveServer.ts";
import { useDrive } from "./support/useDrive.ts";

const FILE = archive({ payload: randomBytes(300_000) });

const { drive, scratch, path, part } = useDrive(FILE);

function download() {
  return downloadCheckpoint("mdlm", { dir: scratch(), driveUrl: drive().url, tries: 1 });
}

/** A part of which only the source is known. */
function leavePart(bytes: Buffer): void {
  writeFileSync(part(), bytes);
  writeFileSync(
    `${part()}.json`,
    JSON.stringify({ source: "1Ul68afQtLMKa-9fd80cCtwabFJlxizGe", etag: '"one"' }),
  );
}

describe("a redirect", () => {
  it("to the server's own place is followed", async () => {
    drive().faults.push(
      status(302, { location: "/elsewhere?a=1" }),
      status(307, { location: "?b" }),
    );
    await download();
    expect(readFileSync(path()).equals(FILE)).toBe(true);
    expect(
      drive()
        .asked.map(({ query }) => query)
        .slice(1),
    ).toEqual(["?a=1", "?b"]);
  });

  it("to another place is not, and that place is not asked", async () => {
    await using other = await DriveServer.start(FILE);
    const location = other.url.replace("127.0.0.1", "localhost");
    drive().faults.push(status(302, { location }));
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: `The server leads to http://${new URL(location).host}, which is not trusted`,
      remedy: expect.stringContaining("drive.google.com"),
    });
    expect(other.asked).toEqual([]);
    expect(readdirSync(scratch())).toEqual([]);
  });

  it.each(["http://drive.usercontent.google.com/", "file:///etc/passwd", "http://["])(
    "to %s is not",
    async (location) => {
      drive().faults.push(status(302, { location }));
      await expect(download()).rejects.toMatchObject({ code: "download_refused" });
      expect(drive().asked).toHaveLength(1);
    },
  );

  it("without end is given up", async () => {
    drive().faults.push(...Array.from({ length: 20 }, () => status(302, { location: "/again" })));
    await expect(download()).rejects.toThrow("leads on more than 10 times");
    expect(drive().asked).toHaveLength(11);
  });
});

describe("a length that was not told", () => {
  it("is learnt when all had come", async () => {
    leavePart(FILE);
    await expect(download()).resolves.toMatchObject({ bytes: FILE.length, downloaded: true });
    expect(drive().asked.map(({ range }) => range)).toStrictEqual([`bytes=${FILE.length}-`]);
  });

  it("is learnt, and the file is another one", async () => {
    leavePart(FILE);
    drive().faults.push(status(416, { "content-range": `bytes */${FILE.length}`, etag: '"two"' }));
    await download();
    expect(drive().asked.map(({ range }) => range)).toStrictEqual([
      `bytes=${FILE.length}-`,
      undefined,
    ]);
  });

  it("ends at 16 GB, and nothing of it is kept", async () => {
    leavePart(FILE);
    const size = 16e9 - 10;
    truncateSync(part(), size); // a hole, which takes no room
    drive().faults.push((_, response) => {
      response.writeHead(206, { "content-range": `bytes ${size}-${size + 99}/*`, etag: '"one"' });
      response.end(Buffer.alloc(100));
      return true;
    });
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: "The server sends more than 16.00 GB, which the file cannot have",
    });
    expect(readdirSync(scratch())).toEqual([]);
  });
});

describe("a page of a million beginnings takes no time", () => {
  it.each(["<form ", "<title", '<form id="download-form" ', "<form><input "])("%s", async (tag) => {
    drive().faults.push(page(tag.repeat(1e6 / tag.length)));
    const before = performance.now();
    await expect(download()).rejects.toThrow("sent a page in place of the file");
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

it("a form is read as browsers do", () => {
  const html = `<FORM id='other'></FORM><form method=get action="/next?x=1&amp;y=2" id=download-form>
    <input name="a" value="1"></Form><input name="late" value="2">`;
  const url = readForm(html, new URL("https://drive.google.com/page"));
  expect(url?.href).toBe("https://drive.google.com/next?x=1&y=2&a=1");
});
