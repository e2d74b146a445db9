/**
 * Finds what is known of a model that is not loaded: from the card beside its weights, or from the
 * list of published checkpoints.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseJson } from "../foundation/json.ts";
import { isRecord } from "../foundation/checks.ts";
import { checkpointFile, PUBLISHED, PUBLISHED_NAMES } from "./published.ts";
import { resolveCheckpoint } from "./resolve.ts";

/** Facts about a model, as far as they are known; loading tells the rest. */
export interface ModelFacts {
  readonly kind?: "mdlm" | "sedd" | "d3pm" | "ar";
  /** How many tokens the longest sequence has. */
  readonly length?: number;
}

const KINDS = ["mdlm", "sedd", "d3pm", "ar"] as const;

/**
 * Returns the facts about a checkpoint.
 * @param checkpoint a name or a path, as for `Remdm.launch`; nothing need be there.
 */
export function modelFacts(checkpoint: string): ModelFacts {
  const { path } = resolveCheckpoint(checkpoint);
  const published = PUBLISHED_NAMES.find(
    (name) => name === checkpoint && path === checkpointFile(name),
  );
  if (published !== undefined) {
    const { kind, length } = PUBLISHED[published];
    return { kind, length };
  }
  const card = readCard(path);
  const kind = KINDS.find((one) => one === card.kind);
  const { length } = card;
  return {
    ...(kind !== undefined && { kind }),
    ...(typeof length === "number" && Number.isSafeInteger(length) && length > 0 && { length }),
  };
}

/**
 * Reads the card beside a checkpoint. For a card that cannot be read it returns no facts; loading
 * will say what is wrong with it.
 */
function readCard(path: string): Readonly<Record<string, unknown>> {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (!isDirectory && !path.endsWith(".safetensors")) return {};
  const card = join(isDirectory ? path : dirname(path), "card.json");
  if (!existsSync(card)) return {};
  try {
    const value = parseJson(readFileSync(card, "utf8"));
    return isRecord(value) ? value : {};
  } catch (error) {
    const isFault = error instanceof SyntaxError || (isRecord(error) && "syscall" in error);
    if (isFault) return {};
    throw error;
  }
}
