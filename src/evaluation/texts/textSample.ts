/**
 * Reads one sample from a JSON value: a line of `remdm sample --out`, a record with a text, or the
 * text alone.
 */
import { isRecord } from "../../foundation/checks.ts";

export interface TextSample {
  readonly text: string;
  readonly tokens?: Int32Array;
  /** Entropy in nats. */
  readonly entropy?: number;
}

/** Says what is wrong with a value, as a phrase that follows the name of the file and the line. */
export class SampleProblem extends Error {
  override readonly name = "SampleProblem";
}

/** @throws SampleProblem. */
export function readTextSample(value: unknown): TextSample {
  if (typeof value === "string") return { text: value };
  if (!isRecord(value)) {
    throw new SampleProblem("must be a JSON object with `text`, or a JSON string");
  }
  const { text, tokens, entropy } = value;
  if (typeof text !== "string") throw new SampleProblem("must have `text`, a string");
  return {
    text,
    ...(tokens !== undefined && { tokens: readTokens(tokens) }),
    ...(entropy !== undefined && { entropy: readEntropy(entropy) }),
  };
}

function readTokens(tokens: unknown): Int32Array {
  if (!Array.isArray(tokens) || !tokens.every(isTokenId)) {
    const wrong = Array.isArray(tokens)
      ? (tokens.find((token) => !isTokenId(token)) as unknown)
      : undefined;
    const found = typeof wrong === "number" ? `, and has ${wrong}` : "";
    throw new SampleProblem(`must have whole numbers from 0 on as \`tokens\`${found}`);
  }
  return Int32Array.from(tokens);
}

function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

/** @throws SampleProblem. */
export function readEntropy(value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  const found = typeof value === "number" ? `, and has ${value}` : "";
  throw new SampleProblem(`must have a number from 0 on as \`entropy\`${found}`);
}
