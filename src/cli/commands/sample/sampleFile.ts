/**
 * `SampleFile` is the file of `--out`: it has each sample as soon as it is finished, and a command
 * that was ended goes on with it when it is given again. The first line has the settings, so that
 * samples of other settings never get into one file.
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { resolveCheckpoint } from "../../../checkpoints/resolve.ts";
import { isRecord } from "../../../foundation/checks.ts";
import { JsonLines } from "../../../foundation/durableFiles.ts";
import { RemdmError } from "../../../foundation/errors.ts";
import { parseJson } from "../../../foundation/json.ts";
import { packageVersion } from "../../../foundation/packageRoot.ts";
import { isModuleName } from "../../../program/loadExport.ts";
import { OutputFile } from "../../outputFile.ts";
import { toJson } from "../../terminal/terminalText.ts";
import type { SampleFlags } from "./flags.ts";
import type { SampleRecord } from "./sayings.ts";

/** What the tokens of a file depend on, as JSON has it. */
export type FileSettings = Readonly<Record<string, unknown>>;

/** A line of the file; the first has the settings too. */
type Line = SampleRecord & { readonly run?: FileSettings };

/** Flags that change no token. */
const FREE = new Set(["samples", "device", "window", "json", "out", "force", "quiet"]);

export class SampleFile implements Disposable {
  readonly path: string;
  /** Samples of an earlier command, by number. */
  readonly earlier: ReadonlyMap<number, SampleRecord>;
  readonly #new: OutputFile | undefined;
  readonly #old: JsonLines | undefined;
  /** Until the first line is written. */
  #settings: FileSettings | undefined;

  /**
   * @param force whether what the file has may go.
   * @throws RemdmError output_failed, also for a file that holds something else; experiment_differs
   *   for one of other settings.
   */
  constructor(path: string, force: boolean, settings: FileSettings) {
    this.path = path;
    const begun = force ? undefined : beginningOf(path);
    if (begun === undefined) {
      this.#new = new OutputFile(path, force);
      this.#settings = settings;
      this.earlier = new Map();
      return;
    }
    if (begun !== "") checkSame(path, settingsIn(path, begun), settings);
    const { file, records } = JsonLines.open(path, readRecord, REPLACE, toJson);
    this.#old = file;
    this.#settings = records.length === 0 ? settings : undefined;
    this.earlier = new Map(records.map((record) => [record.sample, record]));
  }

  /** Adds a sample, which is on the disk then. @throws RemdmError output_failed. */
  append(record: SampleRecord): void {
    const line: Line = this.#settings === undefined ? record : { ...record, run: this.#settings };
    this.#new?.append(line, `Sample ${record.sample}`);
    this.#old?.append(line);
    this.#settings = undefined;
  }

  [Symbol.dispose](): void {
    this.#new?.[Symbol.dispose]();
    this.#old?.[Symbol.dispose]();
  }
}

/**
 * Lists what the samples of a command depend on.
 * @param given what a task is about, beside the flags.
 */
export function settingsOf(
  flags: Readonly<Partial<SampleFlags>> & { readonly checkpoint: string },
  given: FileSettings = {},
): FileSettings {
  const isDense = flags.executor === "dense";
  const said = Object.entries({ ...flags, ...given }).filter(
    ([name]) => !FREE.has(name) && (name !== "batchSize" || isDense),
  );
  const modules = [flags.strategy, flags.guide].filter(
    (name) => name !== undefined && isModuleName(name),
  );
  const settings = {
    ...Object.fromEntries(said),
    remdm: packageVersion(),
    weights: weightsOf(flags.checkpoint),
    ...(modules.length > 0 && { modules: modules.map((name = "") => digestOf(name)) }),
  };
  const json: unknown = JSON.parse(
    JSON.stringify(settings, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    ),
  );
  return isRecord(json) ? json : {};
}

/** Bytes of the end of a file that are digested. */
const TAIL = 2 ** 16;

/**
 * Digests the sizes and the ends of a checkpoint's files: a file that was replaced gives other
 * tokens. The end of a safetensors file is weights, that of an archive lists its entries' sums.
 */
function weightsOf(checkpoint: string): string {
  const { path } = resolveCheckpoint(checkpoint);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "none";
  const names = found.isDirectory() ? readdirSync(path).sort() : [""];
  const hash = createHash("sha256");
  for (const name of names) {
    const file = join(path, name);
    const one = statSync(file);
    if (!one.isFile()) continue;
    hash.update(`${name}\0${one.size}\0`);
    hash.update(tailOf(file, one.size));
  }
  return hash.digest("hex").slice(0, 16);
}

function tailOf(path: string, size: number): Buffer {
  const bytes = Buffer.alloc(Math.min(size, TAIL));
  const descriptor = openSync(path, "r");
  try {
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, size - bytes.length));
  } finally {
    closeSync(descriptor);
  }
}

/** Digests the file of a module. @param name `./file.js#export`. */
function digestOf(name: string): string {
  const path = name.slice(0, name.lastIndexOf("#"));
  return createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
}

/** A first line is not longer, in bytes; what is longer was written by something else. */
const LONGEST_LINE = 2 ** 26;
const REPLACE = "Name another file, or replace this one with --force.";

/** Reads the first line of a regular file; undefined: there is none to go on with. */
function beginningOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return undefined;
  if (found.size === 0) return "";
  try {
    const descriptor = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(Math.min(found.size, LONGEST_LINE));
      const end = bytes.subarray(0, readSync(descriptor, bytes)).indexOf(0x0a);
      return end < 0 ? "no line" : bytes.toString("utf8", 0, end);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined; // opening it for writing says why
  }
}

/** @throws RemdmError output_failed where the line is not the first of a file of samples. */
function settingsIn(path: string, line: string): FileSettings {
  try {
    const value = parseJson(line);
    if (isRecord(value) && isRecord(value.run)) return value.run;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new RemdmError(`${path} exists already`, { code: "output_failed", remedy: REPLACE });
}

/** @throws RemdmError experiment_differs. */
function checkSame(path: string, before: FileSettings, now: FileSettings): void {
  const shown = (value: unknown): string =>
    value === undefined ? "left out" : JSON.stringify(value);
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const other = names.filter((name) => shown(before[name]) !== shown(now[name]));
  if (other.length === 0) return;
  const said = other.map((name) => `${name} was ${shown(before[name])} and is ${shown(now[name])}`);
  throw new RemdmError(`${path} has samples of other settings: ${said.join("; ")}`, {
    code: "experiment_differs",
    remedy: `Use the same settings to go on with it. ${REPLACE}`,
  });
}

function readRecord(value: unknown): Line {
  const isSample =
    isRecord(value) &&
    Number.isSafeInteger(value.sample) &&
    Array.isArray(value.tokens) &&
    typeof value.text === "string" &&
    typeof value.entropy === "number" &&
    typeof value.finishReason === "string";
  if (isSample) return value as unknown as Line;
  throw new Error("a sample has sample, tokens, text, entropy and finishReason");
}
