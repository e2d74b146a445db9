/**
 * Finds what is known of a model that is not loaded: from the card or the config beside its
 * weights, or from the list of published checkpoints.
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
  /** Tokens of a block of a network that is causal over blocks. */
  readonly blockLength?: number;
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
  return factsBeside(path);
}

/**
 * Where configs of Hugging Face's format say the length, by their `model_type`: those of the
 * backend's own networks (`py_backend/remdm_backend/checkpoint/registry.py`), which are all `mdlm`.
 */
const LENGTH_KEYS: ReadonlyMap<unknown, string> = new Map([
  ["mdlm", "model_length"],
  ["bd3lm", "model_length"],
  ["llada", "max_sequence_length"],
  ["Dream", "max_position_embeddings"],
  ["a2d-llama", "max_position_embeddings"],
  ["a2d-qwen2", "max_position_embeddings"],
  ["a2d-qwen3", "max_position_embeddings"],
]);

/** Returns what the card beside a checkpoint says or, where there is none, its config. */
function factsBeside(path: string): ModelFacts {
  const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (!isDirectory && !/\.(safetensors|bin)$/.test(path)) return {};
  const directory = isDirectory ? path : dirname(path);
  const card = readFacts(join(directory, "card.json"));
  if (card !== undefined) return factsOf(card.kind, card.length);
  const config = readFacts(join(directory, "config.json"));
  const key = LENGTH_KEYS.get(config?.model_type);
  if (config === undefined || key === undefined) return {};
  const facts = factsOf("mdlm", config[key]);
  const size = config.model_type === "bd3lm" ? config.block_size : undefined;
  return facts.length !== undefined && isCount(size) ? { ...facts, blockLength: size } : facts;
}

function factsOf(kind: unknown, length: unknown): ModelFacts {
  const known = KINDS.find((one) => one === kind);
  return {
    ...(known !== undefined && { kind: known }),
    ...(isCount(length) && { length }),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

/**
 * Reads a JSON file with facts; undefined where there is none. One that cannot be read has no
 * facts; loading will say what is wrong with it.
 */
function readFacts(file: string): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const value = parseJson(readFileSync(file, "utf8"));
    return isRecord(value) ? value : {};
  } catch (error) {
    const isFault = error instanceof SyntaxError || (isRecord(error) && "syscall" in error);
    if (isFault) return {};
    throw error;
  }
}
