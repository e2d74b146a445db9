/** What an output directory was made with: the resolved experiment, the version, and digests of the files that have a say. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { packageRoot } from "../packageRoot.ts";
import { isRecord } from "../sampler/checks.ts";
import type { Cell } from "./cells.ts";
import type { Experiment } from "./read.ts";

/** Plain data; a field that is undefined is null, so that it reads the same from a file. */
export interface Manifest {
  readonly remdm: string;
  readonly name: string;
  /** Of everything but the cells: what must be equal when an experiment goes on. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of each model. */
  readonly models: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Of each cell. */
  readonly cells: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Where things lay; these may move. */
  readonly places: Readonly<Record<string, unknown>>;
}

/** @throws AbortedError's cause when `signal` fires; the file system's errors. */
export async function manifestOf(
  experiment: Experiment,
  version: string,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const { name, models, cells, references, words, judge, mauve, device, dtype } = experiment;
  const digest = async (path: string | undefined): Promise<string | null> =>
    path === undefined ? null : digestOf(path, signal);
  const judgePlace = judge === false ? undefined : placeOf(judge);
  const described: [string, Record<string, unknown>][] = [];
  for (const { name: model, checkpoint, tokenizer = null, rawWeights } of models) {
    const sha256 = await digest(placeOf(checkpoint));
    described.push([model, { sha256, tokenizer, rawWeights, dtype }]);
  }
  return {
    remdm: version,
    name,
    settings: {
      references: await digest(references),
      words: await digest(words),
      judge: await digest(judgePlace),
      mauve,
    },
    models: Object.fromEntries(described),
    cells: Object.fromEntries(cells.map((cell) => [cell.id, describe(cell)])),
    places: {
      models: Object.fromEntries(models.map((model) => [model.name, model.checkpoint])),
      references: references ?? null,
      words: words ?? null,
      judge,
      device,
    },
  };
}

/** Where a bundled model lies, or the path itself. */
export function placeOf(checkpoint: string): string {
  return /^demo(-\w+)?$/.test(checkpoint)
    ? join(packageRoot, "checkpoints", checkpoint)
    : checkpoint;
}

/** What makes its samples; of the batch only where the noise depends on it. */
export function describe(cell: Cell): Readonly<Record<string, unknown>> {
  const { model, label, strategy, steps, topP, seed, samples, length, compat, executor } = cell;
  return {
    model,
    label,
    strategy,
    steps: steps ?? null,
    topP: topP ?? null,
    seed,
    samples,
    length: length ?? null,
    compat,
    executor,
    ...(executor === "dense" && { batchSize: cell.batchSize ?? null }),
  };
}

/**
 * @param before of an earlier session.
 * @returns what `now` has otherwise; new models and cells are no difference, lost ones are.
 */
export function differences(before: Manifest, now: Manifest): string[] {
  const found: string[] = [];
  const compare = (name: string, a: unknown, b: unknown): void => {
    if (isRecord(a) && isRecord(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        compare(`${name}.${key}`, a[key], b[key]);
      }
    } else if (JSON.stringify(a) !== JSON.stringify(b)) {
      found.push(`${name} was ${shown(a)} and is ${shown(b)}`);
    }
  };
  compare("remdm's version", before.remdm, now.remdm);
  compare("name", before.name, now.name);
  for (const key of Object.keys(before.settings)) {
    compare(key, before.settings[key], now.settings[key]);
  }
  for (const part of ["models", "cells"] as const) {
    for (const [name, one] of Object.entries(before[part])) {
      if (name in now[part]) compare(name, one, now[part][name]);
      else found.push(`${name} is gone`);
    }
  }
  return found;
}

function shown(value: unknown): string {
  const text = value === undefined || value === null ? "none" : JSON.stringify(value);
  return /^"[0-9a-f]{64}"$/.test(text) ? `the file with SHA-256 ${text.slice(1, 9)}...` : text;
}

/** @throws Error for what is no manifest. */
export function readManifest(text: string): Manifest {
  const value: unknown = JSON.parse(text);
  const parts = ["settings", "models", "cells"];
  if (isRecord(value) && parts.every((part) => isRecord(value[part]))) {
    return value as unknown as Manifest;
  }
  throw new Error("it lacks settings, models or cells");
}

/** SHA-256 of a file, or of a directory's files with their names; null for what is not there (yet). */
async function digestOf(path: string, signal: AbortSignal | undefined): Promise<string | null> {
  const found = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return null;
  const hash = createHash("sha256");
  const add = async (file: string): Promise<void> => {
    for await (const chunk of createReadStream(file, { ...(signal && { signal }) })) {
      hash.update(chunk as Buffer);
    }
  };
  if (!found.isDirectory()) {
    await add(path);
    return hash.digest("hex");
  }
  const names = await readdir(path, { recursive: true });
  for (const name of names.sort()) {
    const file = join(path, name);
    if (basename(name).startsWith(".") || !(await stat(file)).isFile()) continue;
    hash.update(`${name}\0`);
    await add(file);
  }
  return hash.digest("hex");
}
