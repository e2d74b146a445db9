/**
 * Makes one request: it asks for the missing bytes of a file and appends them to its part (RFC
 * 9110, section 14, ranges).
 */
import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { bytesText } from "../foundation/messages.ts";
import { BY_NAME, DownloadError, fileError, Interrupted } from "./errors.ts";
import { bodyOf, listen, type Patience } from "./http.ts";
import type { Identity, PartFile } from "./partFile.ts";

export interface TransferOptions extends Patience {
  /**
   * Asks for the file with these headers.
   * @returns an answer with the file's bytes (200, 206), or 416.
   * @throws Interrupted; DownloadError.
   */
  readonly request: (
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<Response>;
  /** Tells in errors what to do instead of waiting. */
  readonly remedy: string;
  /** The most bytes that the file may have. */
  readonly mostBytes: number;
  /** The bytes that every such file begins with; none where a hash tells at the end. */
  readonly magic: Uint8Array;
  /** Called as bytes arrive. */
  readonly onBytes: () => void;
}

/**
 * Transfers bytes until the part is the whole file.
 * @throws Interrupted where another try may go on from the part; DownloadError where another try is
 * of no use.
 */
export async function transfer(part: PartFile, options: TransferOptions): Promise<void> {
  while (!(await attempt(part, options)));
}

/**
 * Makes one attempt; returns false when the server's file is another one by now. Then the part was
 * emptied, and the file must be asked for anew.
 */
async function attempt(part: PartFile, options: TransferOptions): Promise<boolean> {
  const { size, identity } = part;
  if (size > 0 && size === identity.total) return true;
  const isCurrent = await listen(options, (signal, heard) => receive(part, options, signal, heard));
  if (!isCurrent) return false;
  const { total } = part.identity;
  if (total !== undefined && part.size !== total) {
    throw new Interrupted(`${bytesText(part.size)} of ${bytesText(total)} came`);
  }
  return true;
}

/** Makes one request and appends what comes; returns false where the part was emptied instead. */
async function receive(
  part: PartFile,
  options: TransferOptions,
  signal: AbortSignal,
  heard: () => void,
): Promise<boolean> {
  const { size, identity } = part;
  const response = await options.request(size > 0 ? rangeHeaders(size, identity) : {}, signal);
  heard();
  if (isComplete(part, response)) {
    await response.body?.cancel();
    return true;
  }
  const body = await prepare(part, response, options);
  if (body === undefined) return false;
  for await (const bytes of body) {
    heard();
    await requireSize(part, part.size + bytes.length, options);
    await part.append(bytes);
    options.onBytes();
  }
  return true;
}

/**
 * Makes the headers that ask for the rest of a file. A weak ETag cannot be asked for (RFC 9110,
 * 13.1.5); it is compared when the answer is there.
 */
function rangeHeaders(size: number, { etag, lastModified }: Identity): Record<string, string> {
  const validator = etag === undefined || etag.startsWith("W/") ? lastModified : etag;
  return {
    range: `bytes=${size}-`,
    ...(validator !== undefined && { "if-range": validator }),
  };
}

/** Whether the answer says that the part is the whole file, whose length was not known before. */
function isComplete(part: PartFile, response: Response): boolean {
  const total = Number(/^bytes \*\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1]);
  const isEnd = response.status === 416 && part.size > 0 && part.size === total;
  return isEnd && isSame({ ...identityOf(response, undefined), total }, part.identity);
}

/**
 * Refuses a file that is too large, and keeps nothing of it: it would fill the disk and never
 * become a checkpoint.
 */
async function requireSize(
  part: PartFile,
  bytes: number,
  { mostBytes, remedy }: TransferOptions,
): Promise<void> {
  if (bytes <= mostBytes) return;
  await part.begin({ etag: undefined, lastModified: undefined, total: undefined });
  throw new DownloadError(
    "download_refused",
    `The server sends more than ${bytesText(mostBytes)}, which the file cannot have`,
    `Try again later, ${remedy}.`,
  );
}

/**
 * Looks at the answer's head and makes the part ready for its body.
 * @returns undefined where the part cannot be continued; then it was emptied.
 */
async function prepare(
  part: PartFile,
  response: Response,
  options: TransferOptions,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const range = rangeOf(response.headers.get("content-range"));
  const identity = identityOf(response, range);
  const continues = range?.start === part.size && isSame(identity, part.identity);
  if (part.size > 0 && response.status !== 200 && !continues) {
    await response.body?.cancel();
    await part.begin({ etag: undefined, lastModified: undefined, total: undefined });
    return undefined;
  }
  if (response.status === 416) {
    throw new DownloadError("download_refused", "The server has an empty file", "Try again later.");
  }
  await requireSpace(part, identity.total);
  await requireSize(part, identity.total ?? 0, options);
  if (response.status !== 200 && part.size > 0) return bodyOf(response);
  const begun = await beginning(bodyOf(response), options.magic);
  await part.begin(identity);
  return begun;
}

interface ContentRange {
  readonly start: number;
  readonly total: number | undefined;
}

function rangeOf(header: string | null): ContentRange | undefined {
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header ?? "");
  if (!found) return undefined;
  return { start: Number(found[1]), total: found[2] === "*" ? undefined : Number(found[2]) };
}

function identityOf({ headers, status }: Response, range: ContentRange | undefined): Identity {
  const length = Number(headers.get("content-length") ?? Number.NaN);
  const isPlain =
    status === 200 && !headers.has("content-encoding") && Number.isSafeInteger(length);
  return {
    etag: headers.get("etag") ?? undefined,
    lastModified: headers.get("last-modified") ?? undefined,
    total: range?.total ?? (isPlain ? length : undefined),
  };
}

/** Whether two answers may be of one file: no fact that both tell differs. */
function isSame(now: Identity, before: Identity): boolean {
  const keys = ["etag", "lastModified", "total"] as const;
  return keys.every(
    (key) => now[key] === undefined || before[key] === undefined || now[key] === before[key],
  );
}

/** Refuses a file that is not a checkpoint at its first bytes, before the part is overwritten. */
async function beginning(
  body: AsyncGenerator<Uint8Array>,
  magic: Uint8Array,
): Promise<AsyncIterable<Uint8Array>> {
  let head = Buffer.alloc(0);
  while (head.length < magic.length) {
    const next = await body.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  if (!magic.every((byte, i) => head[i] === byte)) {
    await body.return(undefined);
    if (head.length < magic.length) throw new Interrupted("nothing came");
    const shown = JSON.stringify(head.toString("latin1", 0, 16));
    throw new DownloadError(
      "download_refused",
      `The server sent something that is not a checkpoint; it begins with ${shown}`,
      "Try again later; look at what the address gives in a browser.",
    );
  }
  return (async function* () {
    yield head;
    yield* body;
  })();
}

/**
 * Checks that the disk has room for the rest of the file; the part's own bytes are overwritten or
 * stay. @throws DownloadError output_failed.
 */
async function requireSpace(part: PartFile, total: number | undefined): Promise<void> {
  if (total === undefined) return;
  const directory = dirname(part.path);
  const { bavail, bsize }: StatsFs = await statfs(directory).catch((cause: unknown) => {
    throw fileError(directory, cause, "read");
  });
  const [free, needed] = [bavail * bsize, total - part.size];
  if (free >= needed) return;
  throw new DownloadError(
    "output_failed",
    `${directory} has room for ${bytesText(free)}, and ${bytesText(needed)} are to come`,
    `Free some space, or name a directory on another disk ${BY_NAME}.`,
  );
}
