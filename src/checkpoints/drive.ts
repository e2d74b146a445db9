/**
 * Google Drive's way of giving a large file: the file itself, or a page in its place. One page says that the file was not scanned for
 * viruses and has a form whose hidden fields are to be sent; another says that the file was asked for too often.
 */
import { isRecord } from "../sampler/checks.ts";
import { OptionError } from "../sampler/errors.ts";
import { DownloadError, Interrupted } from "./errors.ts";

export const DRIVE_URL = "https://drive.usercontent.google.com/download";
/** Pages of a form in a row before we stop. */
const MOST_PAGES = 3;
const LARGEST_PAGE = 1e6;

/** @param base an http(s) address that takes Drive's query: a mirror or a test. @throws OptionError. */
export function driveUrl(driveId: string, base: string = DRIVE_URL): URL {
  if (!/^https?:\/\//.test(base) || !URL.canParse(base)) {
    throw new OptionError("driveUrl", base, "an http:// or https:// address");
  }
  const url = new URL(base);
  url.search = new URLSearchParams({ id: driveId, export: "download", confirm: "t" }).toString();
  return url;
}

/** What a person can do by hand. */
export function byHand(driveId: string, path: string): string {
  return `or open https://drive.google.com/file/d/${driveId}/view in a browser and save the file as ${path}`;
}

/**
 * Asks for a file, through Drive's forms.
 * @param headers for a part of the file.
 * @returns an answer with the file's bytes (200, 206), or 416; never a page.
 * @throws Interrupted for what may pass; DownloadError download_refused; the signal's reason.
 */
export async function requestFile(
  url: URL,
  headers: Readonly<Record<string, string>>,
  remedy: string,
  signal: AbortSignal,
): Promise<Response> {
  let asked = url;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const response = await send(asked, headers, signal);
    const isPage = /^(text\/html|application\/xhtml)/.test(
      response.headers.get("content-type") ?? "",
    );
    if (!isPage && (response.ok || response.status === 416)) return response;
    const text = isPage ? await readText(response) : "";
    if (!isPage) await response.body?.cancel();
    if (isQuotaPage(text)) throw quota(remedy);
    checkStatus(response, remedy);
    const form = readForm(text, response.url || asked.href);
    if (form === undefined)
      throw refused(`sent a page in place of the file${titleOf(text)}`, remedy);
    asked = form;
  }
  throw refused(`asked for a confirmation ${MOST_PAGES} times`, remedy);
}

async function send(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  try {
    // Compressed on the way, lengths and positions would be those of other bytes.
    return await fetch(url, { headers: { "accept-encoding": "identity", ...headers }, signal });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new Interrupted(`${url.host} cannot be reached (${reasonOf(cause)})`, { cause });
  }
}

/** Of a failed fetch; what undici says itself is only "fetch failed". */
export function reasonOf(error: unknown): string {
  if (!isRecord(error)) return String(error);
  const { cause, message } = error;
  const deeper = isRecord(cause) ? cause.message : undefined;
  return typeof deeper === "string" && deeper !== "" ? deeper : String(message);
}

/** The bytes of an answer; fetch's types leave open what they are. */
export async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  for await (const chunk of response.body ?? []) yield chunk as Uint8Array;
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of bodyOf(response)) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > LARGEST_PAGE) break;
  }
  return text;
}

/** @throws Interrupted, DownloadError for an answer that is no success. */
function checkStatus({ status, headers }: Response, remedy: string): void {
  if (status === 429 || status === 408 || status >= 500) {
    const seconds = Number(headers.get("retry-after") ?? Number.NaN);
    const retryAfterMs = seconds >= 0 ? seconds * 1000 : undefined;
    throw new Interrupted(`the server answers ${status}`, { retryAfterMs });
  }
  if (status === 404 || status === 410) throw refused(`has no such file (${status})`, remedy);
  if (status >= 400) throw refused(`answers ${status}`, remedy);
}

function refused(what: string, remedy: string): DownloadError {
  const again = `Try again later, ${remedy}.`;
  return new DownloadError("download_refused", `The server ${what}`, again);
}

function quota(remedy: string): DownloadError {
  return new DownloadError(
    "download_refused",
    "Google Drive gives this file to nobody for now: it was downloaded too often",
    `Try again in some hours (at most a day), ${remedy}.`,
  );
}

function isQuotaPage(html: string): boolean {
  return /quota exceeded|too many users have (viewed|downloaded)|downloadquotaexceeded/i.test(html);
}

function titleOf(html: string): string {
  const title = /<title[^>]*>([^<]{1,100})/i.exec(html)?.[1]?.trim();
  return title ? `: "${decode(title).replace(/[^\x20-\x7e]/g, "?")}"` : "";
}

/** The address that the form of the virus-scan page leads to; undefined for a page without such a form. */
export function readForm(html: string, page: string): URL | undefined {
  const form = /<form\b([^>]*\bid="?download-form"?[^>]*)>([\s\S]*?)<\/form>/i.exec(html);
  if (!form) return undefined;
  const action = attribute(form[1], "action");
  if (action === undefined || !URL.canParse(action, page)) return undefined;
  const url = new URL(action, page);
  const from = new URL(page);
  // A page sends us to its own place or to Google's, never elsewhere.
  const trusted =
    url.protocol === "https:" && /(^|\.)(google|googleusercontent)\.com$/.test(url.hostname);
  if (url.origin !== from.origin && !trusted) return undefined;
  for (const [, input] of form[2].matchAll(/<input\b([^>]*)>/gi)) {
    const name = attribute(input, "name");
    if (name !== undefined) url.searchParams.set(name, attribute(input, "value") ?? "");
  }
  return url;
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, "i").exec(
    tag,
  );
  const value = found?.[1] ?? found?.[2] ?? found?.[3];
  return value === undefined ? undefined : decode(value);
}

function decode(text: string): string {
  return text
    .replace(/&#39;|&apos;/g, "'")
    .replace(/&quot;|&#34;/g, '"')
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
}
