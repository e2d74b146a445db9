/** The length of a model that is not loaded, where its directory says it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { resolveCheckpoint } from "../checkpoints/resolve.ts";
import { isRecord } from "../sampler/checks.ts";

/** @returns tokens; undefined where only loading tells. */
export function cardLength(checkpoint: string): number | undefined {
  const path = join(resolveCheckpoint(checkpoint).path, "card.json");
  if (!existsSync(path)) return undefined;
  let card: unknown;
  try {
    card = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // loading will say what is wrong with it
    throw error;
  }
  return isRecord(card) && typeof card.length === "number" ? card.length : undefined;
}
