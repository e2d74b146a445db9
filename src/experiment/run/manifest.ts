/** The manifest states what a directory was made with, so whether an experiment may go on there. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { resolveCheckpoint } from "../../checkpoints/resolve.ts";
import { InputError } from "../../evaluation/errors.ts";
import { isRecord, ownValue } from "../../foundation/checks.ts";
import { AbortedError } from "../../foundation/errors.ts";
import type { Cell } from "../file/cell.ts";
import { BUILT_IN_TOKENIZERS, type Experiment } from "../file/read.ts";

/** Plain data; an undefined field is null, so that it reads the same from a file. */
export interface Manifest {
  readonly remdm: string;
  readonly name: string;
  /** The settings of the evaluation, which must be equal when an experiment goes on. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** By the name of the model. */
  readonly models: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** By the id of the cell. */
  readonly cells: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Paths, which may change. */
  readonly places: Readonly<Record<string, unknown>>;
}

/** Lists what earlier sessions made. */
export interface Held {
  /** Ids of cells that have samples or a result. */
  readonly cells: ReadonlySet<string>;
  readonly results: readonly { readonly cell: string; readonly settings: unknown }[];
}

/**
 * Describes an experiment, with SHA-256 digests of the files that it depends on.
 * @param onFile is told what is read: gigabytes take their time.
 * @throws AbortedError; InputError for a file that cannot be read.
 */
export async function manifestOf(
  experiment: Experiment,
  version: string,
  { signal, onFile = () => undefined }: DigestHooks = {},
): Promise<Manifest> {
  const { name, models, cells, references, referenceEnds, words, mauve, device, dtype } =
    experiment;
  const { judge, judgeRawWeights } = experiment;
  const known = new Map<string, string | null>(); // several settings may name one file
  const digest = async (path: string | undefined): Promise<string | null> => {
    if (path === undefined) return null;
    const before = known.get(path);
    if (before !== undefined) return before;
    const found = await digestOf(path, { signal, onFile });
    known.set(path, found);
    return found;
  };
  const own: [string, string | null][] = [];
  for (const [module, path] of experiment.strategyFiles) own.push([module, await digest(path)]);
  const described: [string, Record<string, unknown>][] = [];
  for (const { name: model, checkpoint, tokenizer, rawWeights } of models) {
    const { path } = resolveCheckpoint(checkpoint);
    const isNamed = tokenizer !== undefined && BUILT_IN_TOKENIZERS.includes(tokenizer);
    described.push([
      model,
      {
        sha256: await digest(path),
        tokenizer: isNamed ? tokenizer : await digest(tokenizer ?? beside(path, "tokenizer.json")),
        card: await digest(beside(path, "card.json")),
        rawWeights,
        dtype,
      },
    ]);
  }
  const judgePath = judge === false ? undefined : resolveCheckpoint(judge).path;
  return {
    remdm: version,
    name,
    settings: {
      references: await digest(references),
      referenceEnds: referenceEnds ?? null,
      words: await digest(words),
      judge: await digest(judgePath),
      judgeTokenizer: await digest(judgePath && beside(judgePath, "tokenizer.json")),
      judgeCard: await digest(judgePath && beside(judgePath, "card.json")),
      // Absent by default, so that directories of versions without this setting can go on.
      ...(judgeRawWeights && { judgeRawWeights }),
      ...(own.length > 0 && { strategies: Object.fromEntries(own) }),
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

/** Names a file beside a checkpoint file; a checkpoint directory is digested as a whole. */
function beside(checkpoint: string, name: string): string | undefined {
  const isFile = statSync(checkpoint, { throwIfNoEntry: false })?.isFile() ?? false;
  return isFile ? join(dirname(checkpoint), name) : undefined;
}

/** Describes what the samples of a cell depend on; the batch only where the noise depends on it. */
export function describe(cell: Cell): Readonly<Record<string, unknown>> {
  const { model, label, strategy, steps, topP, temperature, topK, seed, samples, length } = cell;
  const { quirks, executor, banned, suppressed, blockLength } = cell;
  return {
    model,
    label,
    strategy,
    steps: steps ?? null,
    topP: topP ?? null,
    // Only where they are said, so that an experiment begun before there were any can go on.
    ...(temperature !== 1 && { temperature }),
    ...(topK !== undefined && { topK }),
    ...(banned.length > 0 && { banned }),
    ...(suppressed.length > 0 && { suppressed }),
    seed,
    samples,
    length: length ?? null,
    ...(blockLength !== undefined && { blockLength }),
    // The key and its values from before the option was renamed, so that an experiment begun then
    // can go on.
    compat: quirks === "original" ? "remdm" : quirks,
    executor,
    ...(executor === "dense" && { batchSize: cell.batchSize ?? null }),
  };
}

/**
 * Finds what keeps an experiment from going on in a directory.
 * @param before the manifest of an earlier session.
 * @param held what that session made; the rest may change.
 * @returns a phrase for each difference; a new model or cell is none, a missing one is.
 */
export function differences(before: Manifest, now: Manifest, held: Held): string[] {
  const found: string[] = [];
  const compare = (name: string, a: unknown, b: unknown): void => {
    if (isRecord(a) && isRecord(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        compare(`${name}.${key}`, ownValue(a, key), ownValue(b, key));
      }
    } else if (JSON.stringify(a) !== JSON.stringify(b)) {
      found.push(`${name} was ${shown(a)} and is ${shown(b)}`);
    }
  };
  for (const { cell, settings } of held.results) {
    if (Object.hasOwn(before.cells, cell))
      compare(`the result of ${cell}`, settings, before.cells[cell]);
    else found.push(`results.jsonl has ${cell}, which the manifest lacks`);
  }
  if (held.cells.size === 0) return found;
  compare("remdm's version", before.remdm, now.remdm);
  compare("name", before.name, now.name);
  if (held.results.length > 0) {
    for (const key of new Set([...Object.keys(before.settings), ...Object.keys(now.settings)])) {
      compare(key, before.settings[key] ?? null, now.settings[key] ?? null);
    }
  }
  const models = new Set([...held.cells].map((id) => String(before.cells[id].model)));
  for (const [part, ids] of [["models", models] as const, ["cells", held.cells] as const]) {
    for (const id of ids) {
      if (Object.hasOwn(now[part], id)) compare(id, before[part][id], now[part][id]);
      else found.push(`${id} is gone`);
    }
  }
  return found;
}

function shown(value: unknown): string {
  const text = value === undefined || value === null ? "none" : JSON.stringify(value);
  return /^"[0-9a-f]{64}"$/.test(text) ? `the file with SHA-256 ${text.slice(1, 9)}...` : text;
}

/** Reads a manifest. @throws Error for a text that is not a manifest. */
export function readManifest(text: string): Manifest {
  const value: unknown = JSON.parse(text);
  const parts = ["settings", "models", "cells"];
  if (isRecord(value) && parts.every((part) => isRecord(value[part]))) {
    return value as unknown as Manifest;
  }
  throw new Error("it lacks settings, models or cells");
}

interface DigestHooks {
  readonly signal?: AbortSignal | undefined;
  readonly onFile?: (path: string) => void;
}

/** Digests a file, or a directory's files with their names (SHA-256); null for a missing file. */
async function digestOf(
  path: string,
  { signal, onFile }: Required<DigestHooks>,
): Promise<string | null> {
  const hash = createHash("sha256");
  const add = async (file: string): Promise<void> => {
    onFile(file);
    for await (const chunk of createReadStream(file, { ...(signal && { signal }) })) {
      hash.update(chunk as Buffer);
    }
  };
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return null;
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
  } catch (cause) {
    if (signal?.aborted) throw new AbortedError(signal.reason);
    const why = cause instanceof Error ? cause.message : String(cause);
    const remedy = "Name a file or directory that you may read.";
    throw new InputError(path, `cannot be read: ${why}`, remedy, undefined, cause);
  }
}
