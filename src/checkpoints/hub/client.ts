/**
 * Asks the Hugging Face hub for a revision of a model and for its files. The addresses and headers
 * are those of the hub's HTTP API, as huggingface_hub 2.4.0 uses them.
 */
import { isRecord } from "../../foundation/checks.ts";
import { jsonOrNothing, parseJson } from "../../foundation/json.ts";
import type { DownloadError } from "../errors.ts";
import { refused } from "../errors.ts";
import { checkPassing, follow, listen, readText, type Patience } from "../http.ts";
import { isCommit } from "./cache.ts";

/** How many characters the description of a revision may have; a thousand files take some 3e5. */
const LARGEST_DESCRIPTION = 16e6;

/** A file of a revision, as the hub describes it. */
export interface HubFile {
  readonly bytes: number;
  /** Git's SHA-1 of the contents, or the SHA-256 of a large file: its name in the cache. */
  readonly etag: string;
  readonly isLarge: boolean;
}

export interface HubRevision {
  readonly commit: string;
  /** The files by their names; undefined for a file without a size or a hash. */
  readonly files: ReadonlyMap<string, HubFile | undefined>;
}

export interface HubOptions {
  /** The http(s) address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** The user's token; it goes to the hub and to no other server. */
  readonly token: string | undefined;
}

/** The hub, as far as one model is concerned. */
export class Hub {
  readonly #name: string;
  readonly #endpoint: string;
  readonly #token: string | undefined;

  /** @param name OWNER/NAME, checked. */
  constructor(name: string, { endpoint, token }: HubOptions) {
    this.#name = name;
    this.#endpoint = endpoint;
    this.#token = token;
  }

  /**
   * Asks which commit a branch, a tag or a commit is, and which files it has.
   * @throws Interrupted; DownloadError download_refused; the signal's reason.
   */
  async describe(revision: string, patience: Patience): Promise<HubRevision> {
    const path = `/api/models/${this.#name}/revision/${encodeURIComponent(revision)}`;
    const url = new URL(`${this.#endpoint}${path}?blobs=true`);
    // What comes here says which hashes are right, so only the hub itself may say it.
    const isTrusted = (to: URL): boolean => to.origin === url.origin;
    const text = await listen(patience, async (signal) => {
      const response = await this.#get(url, {}, isTrusted, revision, signal);
      return readText(response, LARGEST_DESCRIPTION);
    });
    return this.#revisionIn(text);
  }

  /**
   * Asks for a file of a commit. Large files come from other servers, by redirects.
   * @param headers ask for a part of the file.
   * @returns an answer with the file's bytes (200, 206), or 416.
   * @throws Interrupted; DownloadError download_refused; the signal's reason.
   */
  async request(
    file: string,
    commit: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    const path = `/${this.#name}/resolve/${commit}/${encodeURIComponent(file)}`;
    const url = new URL(`${this.#endpoint}${path}`);
    return this.#get(url, headers, isEncrypted, commit, signal);
  }

  async #get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    isTrusted: (to: URL, from: URL) => boolean,
    revision: string,
    signal: AbortSignal,
  ): Promise<Response> {
    const { origin } = new URL(this.#endpoint);
    const { response } = await follow(url, {
      headersFor: (to) =>
        to.origin === origin && this.#token !== undefined
          ? { ...headers, authorization: `Bearer ${this.#token}` }
          : headers,
      isTrusted,
      refused: (what) => this.#refused(what),
      signal,
    });
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    checkPassing(response);
    throw this.#statusError(response, revision);
  }

  #statusError({ status, headers }: Response, revision: string): DownloadError {
    const name = this.#name;
    const code = headers.get("x-error-code");
    const hasToken = this.#token !== undefined;
    const account = `set HF_TOKEN to a token of ${hasToken ? "an" : "your"} account that may read it`;
    if (code === "GatedRepo" || (status === 403 && code === null)) {
      return refused(
        `${name} is given only to accounts that its owners let in (${status})`,
        `Ask for access at ${this.#endpoint}/${name} in a browser, then ${account}.`,
      );
    }
    if (code === "RevisionNotFound") {
      return refused(
        `${name} has no revision ${revision}`,
        `Look at its branches and tags at ${this.#endpoint}/${name}/tree/main.`,
      );
    }
    // For a model that does not exist the hub answers 401 to those who gave no token.
    if (status === 401 || status === 403 || status === 404) {
      const why =
        status === 404 ? "" : hasToken ? ", or the token may not read it" : ", or is private";
      return refused(
        `The hub has no model ${name}${why} (${status})`,
        `Check the name at ${this.#endpoint}/${name}; for a private model, ${account}.`,
      );
    }
    return this.#refused(`answers ${status}`);
  }

  #refused(what: string): DownloadError {
    return refused(
      `The server ${what}`,
      `Try again later; look at ${this.#endpoint}/${this.#name} in a browser, or at HF_ENDPOINT.`,
    );
  }

  #revisionIn(text: string): HubRevision {
    const parsed = jsonOrNothing(text, parseJson);
    const unreadable = this.#refused("describes the model in a way that is not understood");
    if (!isRecord(parsed) || typeof parsed.sha !== "string" || !isCommit(parsed.sha)) {
      throw unreadable;
    }
    const { sha: commit, siblings } = parsed;
    if (!Array.isArray(siblings)) throw unreadable;
    const files = new Map<string, HubFile | undefined>();
    for (const one of siblings) {
      if (isRecord(one) && typeof one.rfilename === "string") files.set(one.rfilename, fileIn(one));
    }
    return { commit, files };
  }
}

/**
 * Whether a redirect to a file may be followed: to any server by https, because a hash tells at the
 * end what came. A hub that is asked by http, such as one on this machine, may lead on by http.
 */
function isEncrypted(to: URL, from: URL): boolean {
  return to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:");
}

/** Reads a file's description; undefined where it tells no size or no hash. */
function fileIn(described: Readonly<Record<string, unknown>>): HubFile | undefined {
  const { size, blobId, lfs } = described;
  const isLarge = isRecord(lfs);
  const [bytes, etag] = isLarge ? [lfs.size, lfs.sha256] : [size, blobId];
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) return undefined;
  // It becomes the name of a file, so nothing else than a hash may come through.
  const hash = isLarge ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/;
  return typeof etag === "string" && hash.test(etag) ? { bytes, etag, isLarge } : undefined;
}
