/**
 * Asks Google Drive for a large file. Drive answers with the file, or with a page instead of it.
 * One page says that the file was not scanned for viruses, and has a form whose hidden fields must
 * be sent; another says that the file was asked for too often.
 */
import { OptionError } from "../foundation/errors.ts";
import { DownloadError } from "./errors.ts";
import { checkPassing, follow, readText } from "./http.ts";

export const DRIVE_URL = "https://drive.usercontent.google.com/download";
/** How many pages with a form we answer in a row before we stop. */
const MOST_PAGES = 3;
/** How many characters of a page are read; Drive's pages have some thousand. */
const LARGEST_PAGE = 64e3;

/**
 * Returns the address of a file.
 * @param option an http(s) address that takes Drive's query: a mirror or a test. Default:
 * `REMDM_DRIVE_URL`, else Google Drive.
 * @throws OptionError that names the option or the variable.
 */
export function driveUrl(driveId: string, option: string | undefined): URL {
  const [name, base] =
    option === undefined
      ? ["REMDM_DRIVE_URL", process.env.REMDM_DRIVE_URL || DRIVE_URL]
      : ["driveUrl", option];
  if (!/^https?:\/\//.test(base) || !URL.canParse(base)) {
    throw new OptionError(name, base, "an http:// or https:// address");
  }
  const url = new URL(base);
  url.search = new URLSearchParams({ id: driveId, export: "download", confirm: "t" }).toString();
  return url;
}

/** Says what a person can do by hand. */
export function byHand(driveId: string, path: string): string {
  return `or open https://drive.google.com/file/d/${driveId}/view in a browser and save the file as ${path}`;
}

/**
 * Asks for a file, and answers Drive's forms.
 * @param headers ask for a part of the file.
 * @returns an answer with the file's bytes (200, 206), or 416; never a page.
 * @throws Interrupted for a failure that may pass; DownloadError download_refused; the signal's
 * reason.
 */
export async function requestFile(
  url: URL,
  headers: Readonly<Record<string, string>>,
  remedy: string,
  signal: AbortSignal,
): Promise<Response> {
  let asked = url;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const { response, from } = await follow(asked, {
      headersFor: () => headers,
      isTrusted,
      refused: (what) => refused(what, remedy),
      signal,
    });
    const isPage = /^(text\/html|application\/xhtml)/.test(
      response.headers.get("content-type") ?? "",
    );
    if (!isPage && (response.ok || response.status === 416)) return response;
    const text = isPage ? await readText(response, LARGEST_PAGE) : "";
    if (!isPage) await response.body?.cancel();
    if (isQuotaPage(text)) throw quota(remedy);
    checkStatus(response, remedy);
    const form = readForm(text, from);
    if (form === undefined)
      throw refused(`sent a page in place of the file${titleOf(text)}`, remedy);
    asked = form;
  }
  throw refused(`asked for a confirmation ${MOST_PAGES} times`, remedy);
}

/**
 * Whether a redirect may be followed. It may lead to the same server or to Google, and never from
 * https to a connection that anybody on the way can change.
 */
function isTrusted(to: URL, from: URL): boolean {
  if (to.origin === from.origin) return true;
  const isGoogle = /(^|\.)(google|googleusercontent)\.com$/.test(to.hostname);
  return to.protocol === "https:" && (isGoogle || to.hostname === from.hostname);
}

/** Throws for an answer that is not a success. @throws Interrupted; DownloadError. */
function checkStatus(response: Response, remedy: string): void {
  checkPassing(response);
  const { status } = response;
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
  const title = /<title[^<>]*>([^<]{1,100})/i.exec(html)?.[1]?.trim();
  return title ? `: "${decode(title).replace(/[^\x20-\x7e]/g, "?")}"` : "";
}

/**
 * Returns the address that the form of the virus-scan page leads to; undefined for a page without
 * the form.
 */
export function readForm(html: string, page: URL): URL | undefined {
  // A tag ends before the next one begins, so that a page full of beginnings takes no longer than
  // another.
  const form = [...html.matchAll(/<form\b([^<>]*)>/gi)].find(
    ([, tag]) => attribute(tag, "id") === "download-form",
  );
  if (form === undefined) return undefined;
  const [whole, tag] = form;
  const [inside] = html.slice(form.index + whole.length).split(/<\/form>/i, 1);
  const action = attribute(tag, "action");
  if (action === undefined || !URL.canParse(action, page.href)) return undefined;
  const url = new URL(action, page);
  if (!isTrusted(url, page)) return undefined;
  for (const [, input] of inside.matchAll(/<input\b([^<>]*)>/gi)) {
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
