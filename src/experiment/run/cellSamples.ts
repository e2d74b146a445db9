/** Draws the samples of a cell that are missing in its file, and keeps each when it is finished. */
import { isRecord } from "../../foundation/checks.ts";
import type { ProgressEvent } from "../../sampler/events.ts";
import { RemdmError } from "../../foundation/errors.ts";
import { missingRanges } from "../../sampler/missingRanges.ts";
import { samplerOptionsOf, type Cell } from "../file/cell.ts";
import { JsonLines, replaceText } from "../../foundation/durableFiles.ts";
import type { LoadedModel } from "./services.ts";

/** A line of `samples/CELL.jsonl`. */
export interface CellSample {
  readonly sample: number;
  readonly tokens: readonly number[];
  readonly text: string;
  /** Number of network calls that this sample took part in. */
  readonly forwardCalls: number;
}

export interface SamplingHooks {
  readonly signal: AbortSignal | undefined;
  /**
   * @param share of what this session draws, in [0, 1].
   * @param finished samples, with those of earlier sessions.
   */
  readonly onProgress: (share: number, finished: number) => void;
}

/**
 * Draws the missing samples of a cell. A sample is the same whatever is drawn beside it, so samples
 * that are there stay. With PyTorch's noise a sample depends on the samples before it, so an
 * incomplete cell begins anew.
 * @returns all samples of the cell, in order.
 */
export async function completeSamples(
  path: string,
  cell: Cell,
  model: LoadedModel,
  { signal, onProgress }: SamplingHooks,
): Promise<CellSample[]> {
  // A d3pm model is sampled by the dense executor even if the cell does not ask for it.
  const isDense = cell.executor === "dense" || model.model.kind === "d3pm";
  const { file, records } = openSamples(path, cell, isDense);
  try {
    const missing = missingRanges(records, cell.samples);
    const toDraw = missing.reduce((sum, { samples }) => sum + samples, 0);
    const before = records.length;
    for (const range of missing) {
      const drawn = records.length - before;
      const options = { ...samplerOptionsOf(cell), ...range, ...(signal && { signal }) };
      for await (const event of model.sample(options)) {
        if (event.type === "finished") {
          const { sample, tokens, forwardCalls } = event;
          const text = model.tokenizer.decode(tokens);
          const record = { sample, tokens: [...tokens], text, forwardCalls };
          file.append(record);
          records.push(record);
        }
        if (event.type === "progress") {
          const share = (drawn + range.samples * shareOf(event)) / toDraw;
          onProgress(share, records.length);
        }
      }
    }
  } finally {
    file[Symbol.dispose]();
  }
  if (records.every(({ sample }, i) => sample === i)) return records;
  records.sort((a, b) => a.sample - b.sample);
  replaceText(path, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return records;
}

/** Counts the samples that a cell has already. @throws RemdmError output_failed. */
export function countSamples(path: string, cell: Cell): number {
  const { file, records } = openSamples(path, cell, cell.executor === "dense");
  file[Symbol.dispose]();
  return records.length;
}

/** Reads the samples of a finished cell. @throws RemdmError output_failed. */
export function readCellSamples(path: string): CellSample[] {
  const { file, records } = JsonLines.open(path, readSample);
  file[Symbol.dispose]();
  return records;
}

function openSamples(
  path: string,
  cell: Cell,
  isDense: boolean,
): { readonly file: JsonLines; readonly records: CellSample[] } {
  const opened = JsonLines.open(path, readSample);
  const { file, records } = opened;
  const problem = problemWith(records, cell);
  if (problem !== undefined) {
    file[Symbol.dispose]();
    throw new RemdmError(`${path} has ${problem}`, {
      code: "output_failed",
      remedy: "Delete that file, and its samples are drawn again; or use another output directory.",
    });
  }
  if (!isDense || records.length === cell.samples || records.length === 0) {
    return opened;
  }
  file[Symbol.dispose]();
  replaceText(path, "");
  return JsonLines.open(path, readSample);
}

/** Says why the samples cannot be the cell's, if something shows it. */
function problemWith(records: readonly CellSample[], cell: Cell): string | undefined {
  const seen = new Set<number>();
  for (const { sample, tokens } of records) {
    if (sample < 0 || sample >= cell.samples) {
      return `sample ${sample}, but ${cell.id} has samples 0 to ${cell.samples - 1}`;
    }
    if (seen.has(sample)) return `sample ${sample} twice`;
    if (cell.length !== undefined && tokens.length !== cell.length) {
      return `a sample of ${tokens.length} tokens, but samples of ${cell.id} have ${cell.length}`;
    }
    seen.add(sample);
  }
  return undefined;
}

function readSample(value: unknown): CellSample {
  const isSample =
    isRecord(value) &&
    Number.isSafeInteger(value.sample) &&
    Array.isArray(value.tokens) &&
    typeof value.text === "string" &&
    typeof value.forwardCalls === "number";
  if (isSample) return value as unknown as CellSample;
  throw new Error("a sample has sample, tokens, text and forwardCalls");
}

function shareOf({ done, total }: ProgressEvent): number {
  return total === 0 ? 1 : Math.min(1, done / total);
}
