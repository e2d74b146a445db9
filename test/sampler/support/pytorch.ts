/** PyTorch itself as the judge: `torch_orders.py` in the environment of the tests. */
import { join } from "node:path";
import { execa } from "execa";
import { findPython } from "../../../src/backend/process/python.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

export interface Question {
  readonly what: "sort" | "topk" | "argmax" | "cumsum" | "nucleus";
  readonly dtype: "float32" | "float64" | "bfloat16" | "float16";
  /** One row, or [rows, n]. */
  readonly values: Float32Array;
  readonly rows?: number;
  /** Of a nucleus. */
  readonly topP?: number;
  /** Of topk. */
  readonly k?: number;
}

/** A folder that holds Python programs for the tests. */
const directory = join(packageRoot, "test", "sampler", "support");

/** @returns what the program of that name answers. */
export async function askPython(
  program: string,
  question: unknown,
  env: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const { stdout } = await execa(findPython().path, [join(directory, program)], {
    input: JSON.stringify(question),
    maxBuffer: 2 ** 29,
    env,
  });
  return JSON.parse(stdout);
}

/** @returns the bytes of each answer: 32 bits a number. */
export async function askTorch(
  questions: readonly Question[],
  env: Readonly<Record<string, string>> = {},
): Promise<ArrayBuffer[]> {
  const sent = questions.map((one) => ({ rows: 1, ...one, values: base64Of(one.values) }));
  const answers = (await askPython("torch_orders.py", sent, env)) as string[];
  return answers.map((answer) => Uint8Array.from(Buffer.from(answer, "base64")).buffer);
}

export function base64Of(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
}
