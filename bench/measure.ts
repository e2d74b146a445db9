/** Times of several things, taken in turns, so that what else the machine does hits all of them alike. */

import { readFile } from "node:fs/promises";

/** Does it once. @returns the seconds it took. */
export type Measured = () => Promise<number>;

export type Times<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/** All in turn, `rounds` times after one round that does not count. */
export async function inTurns<Name extends string>(
  rounds: number,
  measured: Readonly<Record<Name, Measured>>,
): Promise<Times<Name>> {
  const names = Object.keys(measured) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const seconds = await measured[name]();
      if (round > 0) times[name].push(seconds);
    }
    process.stderr.write(`round ${round} of ${rounds}\n`);
  }
  return times;
}

/** @returns the seconds that a call takes. */
export async function timed(call: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await call();
  return (performance.now() - begin) / 1000;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Median of the ratios within a round. */
export function ratio(times: readonly number[], of: readonly number[]): number {
  return median(times.map((time, round) => time / of[round]));
}

export function table(rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map((row) => row.map(String));
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells) {
    const line = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]),
    );
    process.stdout.write(line.join("  ").trimEnd() + "\n");
  }
}

export const ms = (seconds: number): string => `${(seconds * 1000).toFixed(1)} ms`;
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
export const times = (x: number): string => `${x >= 100 ? Math.round(x) : x.toFixed(2)} x`;

/** Largest resident size of a process so far, in bytes; Linux. */
export async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status does not say VmHWM`);
  return Number(kilobytes) * 1024;
}
