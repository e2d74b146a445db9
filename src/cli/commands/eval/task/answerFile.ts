/** Keeps answers in the file of `--out`, and goes on with such a file. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import {
  answersOf,
  readAnswerLine,
  type AnswerLine,
  type TaskRun,
} from "../../../../evaluation/tasks/answersFile.ts";
import type { TaskAnswer } from "../../../../evaluation/tasks/scores.ts";
import { isRecord } from "../../../../foundation/checks.ts";
import { JsonLines } from "../../../../foundation/durableFiles.ts";
import { RemdmError } from "../../../../foundation/errors.ts";
import { OutputFile } from "../../../outputFile.ts";
import { UsageError } from "../../../usage.ts";

export class AnswerFile implements Disposable {
  readonly path: string;
  readonly #new: OutputFile | undefined;
  readonly #old: JsonLines | undefined;
  readonly #lines: readonly AnswerLine[];
  #run: TaskRun | undefined;

  /**
   * @param resume whether a file that exists is gone on with.
   * @throws RemdmError output_failed.
   */
  constructor(
    path: string,
    { force, resume }: { readonly force: boolean; readonly resume: boolean },
  ) {
    this.path = path;
    if (resume && existsSync(path)) {
      const { file, records } = JsonLines.open(path, readAnswerLine);
      this.#old = file;
      this.#lines = records;
    } else {
      this.#new = new OutputFile(path, force);
      this.#lines = [];
    }
  }

  /**
   * Begins with the settings of the run; a file that is gone on with must have the same.
   * @returns the answers that are in the file.
   * @throws RemdmError experiment_differs.
   */
  begin(run: TaskRun): readonly TaskAnswer[] {
    const { run: earlier, answers } = answersOf(this.#lines);
    if (earlier === undefined && answers.length === 0) {
      this.#run = run; // written with the first answer: nothing is replaced by nothing
      return [];
    }
    const names = new Set([...Object.keys(run), ...Object.keys(earlier ?? {})]);
    names.delete("task"); // a path: the items are known by their hash
    const textOf = (settings: TaskRun | undefined, name: string): string =>
      JSON.stringify(settings?.[name] ?? null);
    const other = [...names].filter((name) => textOf(run, name) !== textOf(earlier, name));
    if (other.length === 0) return answers;
    const said = other.map(
      (name) => `${name} was ${textOf(earlier, name)} and is ${textOf(run, name)}`,
    );
    throw new RemdmError(`${this.path} was made with other settings: ${said.join("; ")}`, {
      code: "experiment_differs",
      remedy: "Use the same settings, or name another file with --out.",
    });
  }

  /** Adds an answer, which is on the disk then. @throws RemdmError output_failed. */
  append(answer: TaskAnswer): void {
    if (this.#run !== undefined) this.#append({ run: this.#run }, "The settings");
    this.#run = undefined;
    this.#append(answer, `The answer to ${answer.id}`);
  }

  #append(record: AnswerLine, name: string): void {
    this.#new?.append(record, name);
    this.#old?.append(record);
  }

  [Symbol.dispose](): void {
    this.#new?.[Symbol.dispose]();
    this.#old?.[Symbol.dispose]();
  }
}

/** @throws UsageError for flags that need `--out`, or do not go together. */
export function checkOutFlags(flags: {
  readonly task: string;
  readonly out?: string;
  readonly force?: true;
  readonly resume?: true;
}): void {
  const { task, out, force, resume } = flags;
  if (out !== undefined && resolve(out) === resolve(task)) {
    throw new UsageError("--out is the file of --task", "Name another file for the answers.");
  }
  if (resume && out === undefined) {
    throw new UsageError(
      "--resume goes on with the file of --out, and there is none",
      "Name --out.",
    );
  }
  if (resume && force) {
    throw new UsageError(
      "--resume keeps what is in the file, and --force replaces it",
      "Leave one of them out.",
    );
  }
}

/** A setting as JSON has it: a seed beyond the doubles is a text. */
export function asJson(value: unknown): TaskRun {
  const json: unknown = JSON.parse(
    JSON.stringify(value, (_, one: unknown) =>
      typeof one === "bigint"
        ? Number.isSafeInteger(Number(one))
          ? Number(one)
          : String(one)
        : one,
    ),
  );
  return isRecord(json) ? json : {};
}
