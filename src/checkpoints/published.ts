/** Lists the checkpoints of the original repository, and the ones that come with this package. */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { userCache } from "../foundation/home.ts";
import { packagePath } from "../foundation/packageRoot.ts";
import { checkOptions, checkText } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { DownloadError, fileError } from "./errors.ts";

/**
 * The names of published checkpoints. `Remdm.launch` and `remdm sample --checkpoint` know them once
 * they are downloaded.
 */
export type PublishedName = "mdlm" | "sedd" | "ar";

interface Published {
  readonly description: string;
  readonly kind: "mdlm" | "sedd" | "ar";
  /** How many tokens a sequence has. */
  readonly length: number;
  /** Google Drive's id of the file, from the original repository's README. */
  readonly driveId: string;
  /**
   * How many bytes the weights take in the file, computed from the network's shape: float32, once
   * raw and once averaged. The server tells the true length.
   */
  readonly approximateBytes: number;
}

const LENGTH = 1024;
const OWT = "OpenWebText, 1,024 GPT-2 tokens";
/** How many bytes a parameter takes: it is stored as float32, once raw and once averaged. */
const BYTES_PER_PARAMETER = 8;
/** Parameters of the published networks: DiT with the noise level as input, and without. */
const DIT_PARAMETERS = 169_627_218;
const AR_PARAMETERS = 162_246_482;

export const PUBLISHED: Readonly<Record<PublishedName, Published>> = {
  mdlm: {
    kind: "mdlm",
    length: LENGTH,
    description: `masked diffusion, ${OWT}`,
    driveId: "1Ul68afQtLMKa-9fd80cCtwabFJlxizGe",
    approximateBytes: DIT_PARAMETERS * BYTES_PER_PARAMETER,
  },
  ar: {
    kind: "ar",
    length: LENGTH,
    description: `autoregressive, ${OWT}`,
    driveId: "1VMOpXfIg2bKede2N7Ot06jOcvSZuBBEl",
    approximateBytes: AR_PARAMETERS * BYTES_PER_PARAMETER,
  },
  sedd: {
    kind: "sedd",
    length: LENGTH,
    description: `score entropy discrete diffusion, ${OWT}`,
    driveId: "1s_9Yu_kGbjzTN3dyz1yyTcg9ulJgyv5l",
    approximateBytes: DIT_PARAMETERS * BYTES_PER_PARAMETER,
  },
};

export const PUBLISHED_NAMES: readonly PublishedName[] = ["mdlm", "ar", "sedd"];

/** The directories in `checkpoints/` of this package. */
export const BUNDLED_NAMES: readonly string[] = ["demo", "demo-ar", "demo-sedd"];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the absolute path of the directory for downloads: `REMDM_CACHE`, else `remdm/checkpoints`
 * in the user's cache. It need not exist.
 * @throws DownloadError output_failed for a user without a home directory.
 */
export function checkpointCache(env: Environment = process.env): string {
  if (env.REMDM_CACHE) return resolve(env.REMDM_CACHE);
  const cache = userCache(env);
  if (cache !== undefined) return resolve(cache, "remdm", "checkpoints");
  throw new DownloadError(
    "output_failed",
    "There is no place for downloaded checkpoints: this user has no home directory",
    "Set REMDM_CACHE to a directory for them, or HOME to one that you may write to.",
  );
}

export function checkpointFile(name: PublishedName, dir: string = checkpointCache()): string {
  return join(dir, `${name}.ckpt`);
}

export function bundledDirectory(name: string): string {
  return packagePath("checkpoints", name);
}

export function isPublishedName(name: unknown): name is PublishedName {
  return PUBLISHED_NAMES.some((known) => known === name);
}

/** Checks the name of a published checkpoint. @throws OptionError. */
export function checkPublishedName(name: unknown): PublishedName {
  if (isPublishedName(name)) return name;
  throw new OptionError(
    "name",
    name,
    `one of ${PUBLISHED_NAMES.join(", ")}, or OWNER/NAME of the Hugging Face hub`,
  );
}

/** A published checkpoint, and whether it is here. */
export interface PublishedCheckpoint extends Published {
  readonly name: PublishedName;
  /** The path that a download gives the file. */
  readonly path: string;
  /** Bytes of the file at `path`; undefined when there is none. */
  readonly bytes: number | undefined;
  /** Bytes of a download that was interrupted; undefined when there is none. */
  readonly partialBytes: number | undefined;
}

/**
 * Returns the absolute path of a directory, by default {@link checkpointCache}. @throws
 * OptionError.
 */
export function checkDirectory(dir: unknown = checkpointCache()): string {
  return resolve(checkText("dir", dir, "a path"));
}

/**
 * Lists the published checkpoints and says which are here.
 * @param options `dir`: the directory to look in, which need not exist. Default: {@link
 * checkpointCache}.
 * @throws OptionError; DownloadError output_failed when the directory may not be read.
 */
export function publishedCheckpoints(
  options: { readonly dir?: string } = {},
): readonly PublishedCheckpoint[] {
  checkOptions("publishedCheckpoints", options, { dir: true });
  const dir = checkDirectory(options.dir);
  return PUBLISHED_NAMES.map((name) => {
    const path = checkpointFile(name, dir);
    return {
      name,
      ...PUBLISHED[name],
      path,
      bytes: sizeOf(path),
      partialBytes: sizeOf(partOf(path)),
    };
  });
}

/** Returns the path of the part of a file that has arrived; it lies beside the file's own path. */
export function partOf(path: string): string {
  return `${path}.part`;
}

function sizeOf(path: string): number | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() === true ? found.size : undefined;
  } catch (cause) {
    throw fileError(path, cause, "read");
  }
}
