/** `remdm checkpoints` at work. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { downloadCheckpoint } from "../../checkpoints/download.ts";
import { bytesText } from "../../foundation/bytesText.ts";
import {
  BUNDLED_NAMES,
  bundledDirectory,
  checkDirectory,
  publishedCheckpoints,
  type PublishedName,
} from "../../checkpoints/published.ts";
import { parseJson } from "../../foundation/json.ts";
import { isRecord } from "../../foundation/checks.ts";
import { createByteReporter } from "../terminal/byteReporter.ts";
import type { DownloadFlags } from "./checkpoints.ts";
import { failureOf } from "../failure.ts";
import { Interruption } from "../interruption.ts";
import type { Naming } from "../naming.ts";
import { toJson } from "../output.ts";

/** @param dir where downloads lie. @returns the exit code. */
export function runList(dir: string | undefined, json: boolean, naming?: Naming): number {
  try {
    process.stdout.write(listCheckpoints(dir, json));
    return 0;
  } catch (error) {
    const { code, text } = failureOf(error, naming);
    process.stderr.write(text);
    return code;
  }
}

/** @returns what to print. */
function listCheckpoints(dir: string | undefined, json: boolean): string {
  const directory = checkDirectory(dir);
  const published = publishedCheckpoints({ dir: directory });
  const bundled = bundledCheckpoints();
  if (json) return `${toJson({ directory, published, bundled })}\n`;
  return [
    "Published by the authors of MDLM and ReMDM, on Google Drive; `npx remdm checkpoints download NAME` fetches one:",
    ...published.flatMap(
      ({ name, description, approximateBytes, driveId, path, bytes, partialBytes }) => {
        const partial =
          partialBytes === undefined ? "" : `, ${bytesText(partialBytes)} have arrived`;
        const state = bytes === undefined ? `not here${partial}` : `${path}, ${bytesText(bytes)}`;
        const size = bytes === undefined ? `, about ${bytesText(approximateBytes)} or more` : "";
        return [
          `  ${name.padEnd(10)} ${description}${size}`,
          `${" ".repeat(13)}${state}; Drive id ${driveId}`,
        ];
      },
    ),
    `They go into ${directory} (--dir or REMDM_CACHE names another directory).`,
    "",
    "Bundled with this package:",
    ...bundled.map(({ name, kind, path }) => `  ${name.padEnd(10)} ${kind}, ${path}`),
    "",
  ].join("\n");
}

interface Bundled {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
}

/** Those that are there. */
function bundledCheckpoints(): Bundled[] {
  return BUNDLED_NAMES.flatMap((name) => {
    const path = bundledDirectory(name);
    const card = join(path, "card.json");
    if (!existsSync(card)) return [];
    const facts = parseJson(readFileSync(card, "utf8"));
    const kind = isRecord(facts) && typeof facts.kind === "string" ? facts.kind : "unknown";
    return [{ name, kind, path }];
  });
}

/** @returns the exit code. */
export async function runDownload(
  name: PublishedName,
  flags: DownloadFlags,
  naming?: Naming,
): Promise<number> {
  const reporter = createByteReporter(process.stderr, flags.quiet === true);
  using interruption = new Interruption();
  let arrived = 0;
  try {
    const found = await downloadCheckpoint(name, {
      signal: interruption.signal,
      force: flags.force === true,
      ...(flags.dir !== undefined && { dir: flags.dir }),
      onProgress: ({ stage, done, total }) => {
        if (stage === "download") arrived = done;
        reporter.progress(stage === "download" ? name : `checking ${name}`, done, total);
      },
      onRetry: (reason, delayMs) => {
        reporter.note(`${reason}; trying again in ${(delayMs / 1000).toFixed(0)} s`);
      },
    });
    reporter.end();
    const { path, bytes, sha256, downloaded } = found;
    process.stdout.write(flags.json ? `${toJson(found)}\n` : `${path}\n`);
    reporter.note(
      [
        `${name} ${downloaded ? "is whole" : "was there already"}: ${bytesText(bytes)}, SHA-256 ${sha256}`,
        "(The authors published no hash to compare it with. The tensors' own checksums are checked when it is loaded.)",
      ].join("\n"),
    );
    return 0;
  } catch (error) {
    reporter.end();
    if (interruption.exitCode === undefined) {
      const { code, text } = failureOf(error, naming);
      process.stderr.write(text);
      return code;
    }
    const kept = arrived > 0 ? ` ${bytesText(arrived)} have arrived and are kept;` : "";
    reporter.note(`Stopped.${kept} the same command goes on from there.`);
    return interruption.exitCode;
  }
}
