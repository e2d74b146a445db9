/** Lists the published, the downloaded and the bundled checkpoints for `remdm checkpoints`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { downloadedModels } from "../../../checkpoints/hub/names.ts";
import {
  BUNDLED_NAMES,
  bundledDirectory,
  checkDirectory,
  publishedCheckpoints,
} from "../../../checkpoints/published.ts";
import { bytesText } from "../../../foundation/messages.ts";
import { isRecord } from "../../../foundation/checks.ts";
import { parseJson } from "../../../foundation/json.ts";
import { toJson } from "../../terminal/terminalText.ts";

/** @param dir where downloads lie. @returns what to print. */
export function listCheckpoints(dir: string | undefined, json: boolean): string {
  const directory = checkDirectory(dir);
  const published = publishedCheckpoints({ dir: directory });
  const hub = downloadedModels();
  const bundled = bundledCheckpoints();
  if (json) return `${toJson({ directory, published, hub, bundled })}\n`;
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
    "Models of the Hugging Face hub in its cache, with their weights as safetensors; `npx remdm checkpoints download OWNER/NAME` fetches one:",
    ...(hub.length === 0 ? ["  none"] : hub.map(({ name, path }) => `  ${name}, ${path}`)),
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

/** Lists the bundled checkpoints that this installation has. */
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
