/** The output directory of an experiment: its lock, its manifest, and the results of its cells. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Cell } from "../file/cell.ts";
import { ExperimentError } from "../errors.ts";
import { attempt, JsonLines, makeDirectory, replaceText } from "../../foundation/durableFiles.ts";
import { LOCK_FILE, lockDirectory } from "./lock.ts";
import { differences, readManifest, type Held, type Manifest } from "./manifest.ts";
import { readResult, readTiming, type CellResult, type Timing } from "./results.ts";

const DIFFERENCES_SHOWN = 5;
const MANIFEST = "experiment.json";
/** Tells the files that a session leaves if it is killed before it has written its manifest. */
const isBeforeManifest = (name: string): boolean =>
  LOCK_FILE.test(name) || name === `${MANIFEST}.next`;

export class OutputDirectory implements Disposable {
  readonly path: string;
  readonly #lock: Disposable;
  readonly #results = new Map<string, CellResult>();
  #file: JsonLines | undefined;
  #timingsFile: JsonLines | undefined;
  #timings: Timing[] = [];

  /**
   * Locks the directory, and makes it if it is missing.
   * @throws ExperimentError experiment_busy, or experiment_differs for a directory that holds
   *   something else; RemdmError output_failed.
   */
  constructor(path: string) {
    this.path = path;
    refuseForeign(path);
    makeDirectory(path);
    this.#lock = lockDirectory(path);
  }

  /**
   * Reads the results that are there, and writes the manifest of this session.
   * @throws ExperimentError experiment_differs; RemdmError output_failed.
   */
  begin(manifest: Manifest): void {
    const path = join(this.path, MANIFEST);
    const before = existsSync(path) ? this.#read(path) : undefined;
    if (before !== undefined) {
      this.#openResults();
      this.#refuseAnother(before, manifest);
    }
    replaceText(path, `${JSON.stringify(manifest, null, 2)}\n`);
    makeDirectory(join(this.path, "samples"));
    makeDirectory(join(this.path, "charts"));
    if (before === undefined) this.#openResults();
    const { file, records } = JsonLines.open(
      join(this.path, "timings.jsonl"),
      readTiming,
      "Delete that line; the time that a cell took is lost with it, and nothing else.",
    );
    this.#timingsFile = file;
    this.#timings = records;
  }

  /** The timings of all sessions, in the order in which cells were finished. */
  get timings(): readonly Timing[] {
    return this.#timings;
  }

  samplesOf({ id }: Cell): string {
    return join(this.path, "samples", `${id}.jsonl`);
  }

  resultOf({ id }: Cell): CellResult | undefined {
    return this.#results.get(id);
  }

  /** Keeps a result; returns when it is on the disk. @throws RemdmError output_failed. */
  keep(result: CellResult, timing: Timing): void {
    this.#timingsFile?.append(timing);
    this.#timings.push(timing);
    this.#file?.append(result);
    this.#results.set(result.cell, result);
  }

  /**
   * Puts the results into the order of the experiment, which cells that were added later would
   * break.
   * @throws RemdmError output_failed.
   */
  order(cells: readonly Cell[]): CellResult[] {
    const ordered = cells.flatMap((cell) => this.resultOf(cell) ?? []);
    const text = ordered.map((result) => `${JSON.stringify(result)}\n`).join("");
    const path = join(this.path, "results.jsonl");
    if (attempt(path, () => readFileSync(path, "utf8")) === text) return ordered;
    this.#file?.[Symbol.dispose]();
    replaceText(path, text);
    this.#file = JsonLines.open(path, readResult).file; // the old one has no name any more
    return ordered;
  }

  /** Replaces a text in the directory. @throws RemdmError output_failed. */
  write(name: string, text: string): void {
    replaceText(join(this.path, name), text);
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#timingsFile?.[Symbol.dispose]();
    this.#lock[Symbol.dispose]();
  }

  #openResults(): void {
    const { file, records } = JsonLines.open(join(this.path, "results.jsonl"), readResult);
    this.#file = file;
    for (const result of records) this.#results.set(result.cell, result);
  }

  #refuseAnother(before: Manifest, now: Manifest): void {
    const found = differences(before, now, this.#held(before));
    if (found.length === 0) return;
    const shown = found.slice(0, DIFFERENCES_SHOWN).map((difference) => `\n    ${difference}`);
    const more = found.length > shown.length ? `\n    and ${found.length - shown.length} more` : "";
    throw new ExperimentError(
      "experiment_differs",
      `${this.path} holds another experiment:${shown.join("")}${more}`,
      "Use another output directory, or put back what was changed; models and cells may be added.",
    );
  }

  /** Lists what was made already; everything else may change. */
  #held({ cells }: Manifest): Held {
    const hasSamples = (id: string): boolean => {
      const path = join(this.path, "samples", `${id}.jsonl`);
      return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
    };
    const ids = Object.keys(cells).filter((id) => this.#results.has(id) || hasSamples(id));
    return { cells: new Set(ids), results: [...this.#results.values()] };
  }

  #read(path: string): Manifest {
    try {
      return readManifest(readFileSync(path, "utf8"));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ExperimentError(
        "experiment_differs",
        `${path} is not the manifest of an experiment: ${why}`,
        "Use another output directory.",
        cause,
      );
    }
  }
}

/** Refuses a directory that something else uses: files in it may have the names of ours. */
function refuseForeign(path: string): void {
  const names = attempt(path, () => (existsSync(path) ? readdirSync(path) : []));
  if (names.includes(MANIFEST)) return;
  const foreign = names.find((name) => !isBeforeManifest(name));
  if (foreign === undefined) return;
  throw new ExperimentError(
    "experiment_differs",
    `${path} is not empty and holds no experiment: there is ${foreign}, and no ${MANIFEST}`,
    "Use a directory that is empty or not there yet.",
  );
}
