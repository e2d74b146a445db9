// Published samplers and remdm's strategies side by side, on one tiny network and the same noise.
// Run: npx tsc -p examples/parity && node examples/dist/parity/peers.js --recorded
import { join } from "node:path";
import { compareStates } from "./compare.ts";
import { HELP, parsePeerOptions, type PeerOptions } from "./peerOptions.ts";
import { compareRun, numbersApart, type PeerComparison } from "./peers/comparison.ts";
import { inOurWords, PEER_NAMES } from "./peers/inOurWords.ts";
import type { OurRun } from "./peers/ourRun.ts";
import { readRecording, type PeerCase, type PeerRecording } from "./peers/recordings.ts";
import {
  leftOutTable,
  partingNote,
  peerHeader,
  peerLines,
  peerSummary,
  TOLERANCE,
  type LeftOut,
  type PeerRow,
} from "./peerTable.ts";
import { goldenPeers } from "./places.ts";
import { EXIT, note, print, runProgram } from "./program.ts";
import { recordPeer } from "./recorder.ts";
import { UsageError } from "./usage.ts";

/** A peer and what it did, or why it cannot be run. */
interface Told {
  readonly peer: string;
  readonly recording: PeerRecording | Error;
}

async function* recordings(options: PeerOptions, signal: AbortSignal): AsyncGenerator<Told> {
  if (options.checkouts.length === 0) {
    for (const peer of PEER_NAMES) {
      yield { peer, recording: readRecording(join(goldenPeers, `${peer}.json`)) };
    }
  }
  for (const checkout of options.checkouts) {
    yield { peer: checkout.peer, recording: await recordPeer(checkout, signal).catch(ownFailure) };
  }
  /** One sampler that cannot be run is no reason to leave out the others. */
  function ownFailure(error: unknown): Error {
    if (signal.aborted || error instanceof UsageError || !(error instanceof Error)) throw error;
    return error;
  }
}

/** Sorts the cases of a peer by the strategy that samples them again, or by why none does. */
function sorted(peer: string, cases: readonly PeerCase[]) {
  const said = new Map<string, [PeerCase, OurRun, number][]>();
  const leftOut = new Map<string, number>();
  cases.forEach((run, index) => {
    const ours = inOurWords(peer, run);
    if (typeof ours === "string") {
      leftOut.set(ours, (leftOut.get(ours) ?? 0) + 1);
      return;
    }
    const { kind } = ours.options.strategy;
    said.set(kind, [...(said.get(kind) ?? []), [run, ours, index]]);
  });
  return { said, leftOut };
}

interface Compared {
  readonly tokens: number;
  readonly mismatches: number;
  readonly calls: PeerRow["calls"];
  readonly apart?: number;
  /** Where the two part; undefined: they agree. */
  readonly parting: string | undefined;
}

async function compareCase(run: PeerCase, ours: OurRun, signal: AbortSignal): Promise<Compared> {
  try {
    const compared = await compareRun(run, ours, signal);
    const { first, ...counts } = compareStates(
      compared.theirs.map((text) => [text]),
      compared.ours.map((text) => [text]),
    );
    const { calls, numbers } = compared;
    const apart = numbersApart(compared);
    return {
      ...counts,
      calls,
      ...(numbers.length > 0 && { apart }),
      parting: first === undefined ? otherParting(compared, apart) : partingNote(first),
    };
  } catch (error) {
    if (signal.aborted || !(error instanceof Error)) throw error;
    const calls = { theirs: run.calls, ours: 0 };
    return { tokens: 0, mismatches: 0, calls, parting: error.message };
  }
}

/** Words how two runs with the same tokens part. @returns undefined where they agree. */
function otherParting({ theirs, calls }: PeerComparison, apart: number): string | undefined {
  const needed = theirs.length - 1;
  if (calls.ours !== needed) return `${calls.ours} calls, where ${needed} can do anything`;
  return apart > TOLERANCE ? `chances or times are ${apart} apart` : undefined;
}

async function rowOf(
  common: Pick<PeerRow, "peer" | "revision" | "strategy">,
  cases: readonly (readonly [PeerCase, OurRun, number])[],
  signal: AbortSignal,
): Promise<PeerRow> {
  const sum = { tokens: 0, mismatches: 0, calls: { theirs: 0, ours: 0 } };
  const apart: number[] = [];
  const notes: string[] = [];
  for (const [run, ours, index] of cases) {
    const one = await compareCase(run, ours, signal);
    sum.tokens += one.tokens;
    sum.mismatches += one.mismatches;
    sum.calls.theirs += one.calls.theirs;
    sum.calls.ours += one.calls.ours;
    if (one.apart !== undefined) apart.push(one.apart);
    if (one.parting !== undefined) {
      notes.push(`case ${index}, ${run.function} ${JSON.stringify(run.options)}: ${one.parting}`);
    }
  }
  const numbers = apart.length === 0 ? {} : { apart: Math.max(...apart) };
  return { ...common, cases: cases.length, ...sum, ...numbers, notes };
}

/** Prints the rows of a peer. @returns them, and what is left out. */
async function compareRecording(
  { peer, recording: { revision, cases } }: { peer: string; recording: PeerRecording },
  signal: AbortSignal,
): Promise<{ rows: PeerRow[]; others: LeftOut[] }> {
  const { said, leftOut } = sorted(peer, cases);
  const rows: PeerRow[] = [];
  for (const [strategy, runs] of said) {
    const row = await rowOf({ peer, revision, strategy }, runs, signal);
    print(peerLines(row));
    rows.push(row);
  }
  return {
    rows,
    others: Array.from(leftOut, ([reason, count]) => ({ peer, reason, cases: count })),
  };
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = parsePeerOptions(args);
  if (options.help) {
    process.stdout.write(HELP);
    return EXIT.agree;
  }
  const all = { rows: [] as PeerRow[], others: [] as LeftOut[] };
  let failures = 0;
  for await (const { peer, recording } of recordings(options, signal)) {
    if (recording instanceof Error) {
      failures++;
      tell(peer, recording);
      continue;
    }
    if (all.rows.length === 0) print(peerHeader());
    const { rows, others } = await compareRecording({ peer, recording }, signal);
    all.rows.push(...rows);
    all.others.push(...others);
  }
  if (all.others.length > 0) print(`\n${leftOutTable(all.others)}`);
  print(`\n${peerSummary(all.rows, all.others)}`);
  const agree = failures === 0 && all.rows.every(({ notes }) => notes.length === 0);
  return agree ? EXIT.agree : EXIT.differ;
}

function tell(peer: string, { message, cause }: Error): void {
  note(`error: ${peer} cannot be run: ${message}`);
  if (process.env.REMDM_DEBUG && typeof cause === "string") note(cause);
}

await runProgram(main);
