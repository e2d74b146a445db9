/**
 * Checks that a file is whole and is what `torch.save` writes: a zip archive with uncompressed
 * entries, one of them `NAME/data.pkl`. It reads only the archive's directory, and unpickles
 * nothing. Loading checks the checksums of the tensors. Format: APPNOTE.TXT of PKWARE, sections
 * 4.3.12 to 4.3.16 and 4.5.3 (64 bit).
 */
import { open, type FileHandle } from "node:fs/promises";
import { isRecord } from "../foundation/checks.ts";
import { DownloadError, fileError } from "./errors.ts";

const ENTRY = { signature: 0x02014b50, size: 46 };
const END = { signature: 0x06054b50, size: 22 };
const END_64 = { signature: 0x06064b50, size: 56 };
const LOCATOR_64 = { signature: 0x07064b50, size: 20 };
const LOCAL_HEADER_SIZE = 30;
const LONGEST_COMMENT = 0xffff;
/** The most bytes of an archive's directory; a checkpoint has some hundred entries. */
const LARGEST_DIRECTORY = 16e6;
const IN_64_BIT = 0xffffffff;

/** The first bytes of a zip archive. */
export const ZIP_MAGIC: Uint8Array = Uint8Array.of(0x50, 0x4b, 0x03, 0x04);

/**
 * Checks a file. @throws DownloadError checkpoint_invalid, or output_failed when the file cannot be
 * read.
 */
export async function checkTorchArchive(path: string, remedy: string): Promise<void> {
  const invalid = (what: string): DownloadError =>
    new DownloadError("checkpoint_invalid", `${path} is not a whole checkpoint: ${what}`, remedy);
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (cause) {
    throw fileError(path, cause, "read");
  }
  let what: string | undefined;
  try {
    what = await faultOf(file, (await file.stat()).size);
  } catch (cause) {
    throw isRecord(cause) && "syscall" in cause ? fileError(path, cause, "read") : cause;
  } finally {
    await file.close();
  }
  if (what !== undefined) throw invalid(what);
}

/** Says what is wrong with the archive; undefined when it is whole. */
async function faultOf(file: FileHandle, size: number): Promise<string | undefined> {
  const head = await read(file, 0, Math.min(size, ZIP_MAGIC.length));
  if (!head.equals(ZIP_MAGIC)) return `it does not begin as a zip archive does (${size} bytes)`;
  const directory = await findDirectory(file, size);
  if (typeof directory === "string") return directory;
  const { offset, length } = directory;
  if (length > LARGEST_DIRECTORY) return `its directory has ${length} bytes, too many`;
  return checkEntries(await read(file, offset, length), offset);
}

interface Directory {
  readonly offset: number;
  readonly length: number;
}

async function findDirectory(file: FileHandle, size: number): Promise<Directory | string> {
  const start = Math.max(0, size - LONGEST_COMMENT - END.size);
  const tail = await read(file, start, size - start);
  let at = tail.length - END.size;
  while (at >= 0 && !isEnd(tail, at)) at--;
  if (at < 0) return "its end is missing, so it was cut short";
  const endAt = start + at;
  const small = { offset: tail.readUInt32LE(at + 16), length: tail.readUInt32LE(at + 12) };
  const locatorAt = endAt - LOCATOR_64.size;
  const locator = await read(file, Math.max(0, locatorAt), LOCATOR_64.size);
  if (locator.readUInt32LE(0) !== LOCATOR_64.signature) return within(small, endAt);
  const recordAt = Number(locator.readBigUInt64LE(8));
  if (recordAt + END_64.size > locatorAt) return "its end points beyond the file";
  const record = await read(file, recordAt, END_64.size);
  if (record.readUInt32LE(0) !== END_64.signature) return "its 64-bit end is damaged";
  const [length, offset] = [record.readBigUInt64LE(40), record.readBigUInt64LE(48)].map(Number);
  return within({ offset, length }, recordAt);
}

/** Whether an end record is here, whose comment reaches exactly to the end of the file. */
function isEnd(tail: Buffer, at: number): boolean {
  return (
    tail.readUInt32LE(at) === END.signature &&
    at + END.size + tail.readUInt16LE(at + 20) === tail.length
  );
}

function within(directory: Directory, end: number): Directory | string {
  return directory.offset + directory.length === end
    ? directory
    : "its directory is not where its end says, so bytes are missing or too many";
}

/**
 * Says what is wrong with the entries of a directory.
 * @param begin where the directory lies; every entry lies before it.
 */
function checkEntries(directory: Buffer, begin: number): string | undefined {
  let pickles = 0;
  let at = 0;
  while (at < directory.length) {
    if (at + ENTRY.size > directory.length) return "its directory is cut short";
    if (directory.readUInt32LE(at) !== ENTRY.signature) return "its directory is damaged";
    const nameLength = directory.readUInt16LE(at + 28);
    const extraLength = directory.readUInt16LE(at + 30);
    const next = at + ENTRY.size + nameLength + extraLength + directory.readUInt16LE(at + 32);
    if (next > directory.length) return "its directory is cut short";
    const extraAt = at + ENTRY.size + nameLength;
    const name = directory.toString("utf8", at + ENTRY.size, extraAt);
    if (directory.readUInt16LE(at + 10) !== 0) return `its entry ${name} is compressed`;
    const wide = wideFields(directory.subarray(extraAt, extraAt + extraLength));
    // The extra field holds the numbers that do not fit 32 bits, in this order.
    const [, stored, offset] = [24, 20, 42].map((field) => {
      const value = directory.readUInt32LE(at + field);
      return value === IN_64_BIT ? Number(wide.shift() ?? Number.NaN) : value;
    });
    const end = offset + LOCAL_HEADER_SIZE + nameLength + stored;
    if (!(end <= begin)) return `its entry ${name} reaches beyond the file's end`;
    if (name.endsWith("/data.pkl")) pickles++;
    at = next;
  }
  return pickles === 1 ? undefined : "a zip archive, but not one that torch.save writes";
}

const WIDE_FIELDS = 0x0001;

/** Reads the 64-bit numbers of an extra field. */
function wideFields(extra: Buffer): bigint[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== WIDE_FIELDS) continue;
    const end = Math.min(extra.length, at + 4 + extra.readUInt16LE(at + 2));
    const values: bigint[] = [];
    for (let i = at + 4; i + 8 <= end; i += 8) values.push(extra.readBigUInt64LE(i));
    return values;
  }
  return [];
}

/** Reads exactly `length` bytes, with zeros beyond the end of the file. */
async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer;
}
