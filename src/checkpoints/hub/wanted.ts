/** Says which files of a revision are to be in the snapshot, or why it cannot be loaded. */
import { refused } from "../errors.ts";
import { readShards } from "./cache.ts";
import type { HubFile, HubRevision } from "./client.ts";
import { DESCRIPTIONS, INDEX, neededOf, WEIGHTS } from "./files.ts";
import type { HubName } from "./names.ts";

/** A file that is to be in the snapshot. */
export interface Wanted extends HubFile {
  readonly name: string;
}

/** Returns the files beside the weights, the index of the weights included. */
export function smallFiles(name: HubName, found: HubRevision): Wanted[] {
  const { small, weights } = neededOf(new Set(found.files.keys()));
  if (!small.some((one) => DESCRIPTIONS.includes(one))) {
    throw refused(
      `${name} is not a model that can be loaded: it has no ${DESCRIPTIONS.join(" and no ")}`,
      "Name a model in the format of Hugging Face's transformers.",
    );
  }
  if (weights === undefined) {
    const pickled = [...found.files.keys()].find((one) => /\.(bin|pt|pth|ckpt)$/.test(one));
    throw refused(
      `${name} has no ${WEIGHTS}${pickled === undefined ? "" : `, and ${pickled} is pickled, which can run code and is never opened`}`,
      "Look for a revision that has safetensors among the model's branches and pull requests (`refs/pr/1`), or save it as such where you trust it.",
    );
  }
  return [...small, ...(weights === INDEX ? [INDEX] : [])].map((one) => wanted(name, found, one));
}

export function weightFiles(name: HubName, found: HubRevision, index: string): Wanted[] {
  if (found.files.has(WEIGHTS)) return [wanted(name, found, WEIGHTS)];
  const shards = readShards(index);
  if (shards !== undefined) return shards.map((one) => wanted(name, found, one));
  throw refused(
    `${INDEX} of ${name} does not name .safetensors files beside it`,
    "Tell the model's owners, or name another revision.",
  );
}

function wanted(name: HubName, { commit, files }: HubRevision, file: string): Wanted {
  const found = files.get(file);
  if (found !== undefined) return { name: file, ...found };
  const lack = files.has(file) ? "tells no hash of it" : "does not have it";
  throw refused(
    `${file} of ${name} is needed, and the hub ${lack} (commit ${commit})`,
    "Tell the model's owners, or name another revision.",
  );
}
