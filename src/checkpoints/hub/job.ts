/** Resolves the options of a download from the Hugging Face hub. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkBoolean, checkOptions, checkText, isRecord } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import { PACE_KEYS, resolvePace, type Pace } from "../downloadOptions.ts";
import { fileError } from "../errors.ts";
import { checkDirectory } from "../published.ts";
import { CachedRepository, hubHome, requireHubCache } from "./cache.ts";
import { Hub } from "./client.ts";
import { checkHubName, isRevision, type HubName } from "./names.ts";
import type { HubDownloadOptions } from "./options.ts";

const KEYS: Readonly<Record<keyof HubDownloadOptions, true>> = {
  ...PACE_KEYS,
  revision: true,
  dir: true,
  force: true,
  token: true,
  endpoint: true,
};

/** A download with all options resolved. */
export interface HubJob extends Pace {
  readonly name: HubName;
  readonly revision: string;
  readonly force: boolean;
  readonly repository: CachedRepository;
  readonly hub: Hub;
}

/** Checks the options, fills in the defaults. @throws OptionError; DownloadError output_failed. */
export function resolveHubJob(given: HubName, options: HubDownloadOptions): HubJob {
  const name = checkHubName(given);
  checkOptions("downloadCheckpoint of a model of the hub", options, KEYS);
  const { force = false, revision = "main" } = options;
  return {
    name,
    revision: checkRevision(revision),
    force: checkBoolean("force", force),
    repository: new CachedRepository(
      options.dir === undefined ? requireHubCache() : checkDirectory(options.dir),
      name,
    ),
    hub: new Hub(name, { endpoint: endpointOf(options.endpoint), token: tokenOf(options.token) }),
    ...resolvePace(options),
  };
}

/** Checks a revision, which becomes the name of a file in the cache. @throws OptionError. */
function checkRevision(revision: unknown): string {
  const text = checkText("revision", revision, "a branch, a tag or a commit");
  if (isRevision(text)) return text;
  throw new OptionError("revision", revision, "the name of a branch, a tag or a commit");
}

function endpointOf(option: string | undefined): string {
  const [name, value] =
    option === undefined
      ? ["HF_ENDPOINT", process.env.HF_ENDPOINT || "https://huggingface.co"]
      : ["endpoint", option];
  if (typeof value === "string" && /^https?:\/\/[^?#]+$/.test(value) && URL.canParse(value)) {
    return value.replace(/\/+$/, "");
  }
  throw new OptionError(name, value, "an http:// or https:// address");
}

function tokenOf(option: unknown): string | undefined {
  if (option === false) return undefined;
  if (option !== undefined) return checkToken("token", option);
  if (process.env.HF_TOKEN) return checkToken("HF_TOKEN", process.env.HF_TOKEN);
  const home = hubHome();
  const path = process.env.HF_TOKEN_PATH || (home && join(home, "token"));
  const token = path ? readToken(path) : "";
  return path && token !== "" ? checkToken(path, token) : undefined;
}

/** Checks a token. Errors do not show it. @throws OptionError. */
function checkToken(option: string, token: unknown): string {
  const text = typeof token === "string" ? token.trim() : "";
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  const shown = typeof token === "string" ? "(not shown)" : token;
  throw new OptionError(option, shown, "a token of the hub, without spaces");
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    if (isRecord(cause) && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) return "";
    throw fileError(path, cause, "read");
  }
}
