/** Peers that draw what changes before they ask, in our words: psi of duo, first hitting of bd3lms. */
import { prepare, type Strategy } from "remdm/sampler";
import { eventNoise, raceNoise } from "./noise.ts";
import { number, type NumberPair, type Options, type OurRun, type Reason } from "./ourRun.ts";
import type { PeerCase } from "./recordings.ts";

export function firstHitting(run: PeerCase): OurRun | Reason {
  const { options, maskId, result, events = [] } = run;
  if (result.includes(maskId)) return "masks are left";
  return {
    options: { strategy: { kind: "first-hitting" }, topP: 1 },
    noise: eventNoise(run),
    times: events.map(({ time }) => time),
    blockLength: number(options, "block_size"),
  };
}

type Psi = Extract<Strategy, { kind: "psi" }>;
type Mode = NonNullable<Psi["middle"]>;

/** duo's alpha is 1 - 0.999 t, and ours 1 - t: its time t is our 0.999 t. */
const SCHEDULE = 0.999;

/** The thirds of a run: duo counts times. */
interface Thirds {
  readonly strategy: Psi;
  /** Steps in which nothing happens. */
  readonly idle: ReadonlySet<number>;
}

/** Docs: `docs/published-samplers.md` has the configurations that correspond. */
export function psi(run: PeerCase): OurRun | Reason {
  const { options, times = [] } = run;
  const removal = options.noise_removal;
  if (removal === "none") return "masks are left";
  const ours = times.map((time) => time * SCHEDULE);
  const thirds = thirdsOf(options, ours);
  if (typeof thirds === "string") return thirds;
  const { strategy, idle } = thirds;
  const steps = ours.length - 1;
  const active = Array.from({ length: steps }, (_, call) => call).filter((i) => !idle.has(i));
  // Our times begin at 1, where nothing is revealed yet: the first step goes to the first of theirs.
  const grid = [1, ours[0], ...active.map((call) => ours[call + 1])];
  const isDrawn = removal === "ancestral";
  const calls = [undefined, ...active, ...(isDrawn ? [steps] : [])];
  const said = { strategy, steps: isDrawn ? [...grid, 0] : grid, topP: 1 };
  return {
    options: said,
    noise: raceNoise(run, calls),
    asksForRevealsOnly: true,
    chances: chancesOf(run, said, calls),
  };
}

/**
 * Says the modes of the thirds. What is not a constant kappa leaves the last step of its third to
 * the posterior alone, which on a plateau does nothing.
 */
function thirdsOf(options: Options, times: readonly number[]): Thirds | Reason {
  const points = times.length;
  const high = halfToEven(number(options, "high_frac") * points);
  const middle = halfToEven(number(options, "middle_frac") * points);
  const isPlateau = options.time_profile !== "linear";
  const [before, between, after] = ["high_mode", "middle_mode", "low_mode"].map((name) =>
    modeOf(String(options[name])),
  );
  const endsApart = (mode: Mode, from: number, count: number) =>
    count > 0 && mode.kind !== "constant" && from + count < points;
  const isApart = endsApart(between, high, middle);
  if (endsApart(before, 0, high) || (isApart && !isPlateau)) return "the last step of a third";
  const parts = { high: before, middle: between, low: after };
  const tOn = times[high];
  const tOff = isPlateau ? tOn : times[Math.min(high + middle, points - 1)];
  const idle = isPlateau ? [high - 1, ...(isApart ? [high + middle - 1] : [])] : [];
  return { strategy: { kind: "psi", tOn, tOff, ...parts }, idle: new Set(idle) };
}

/** @param name as `max-capped-0.05`: the number is what follows the last hyphen. */
function modeOf(name: string): Mode {
  if (name === "pure-posterior") return { kind: "constant", kappa: 1 };
  if (name === "pure-pc") return { kind: "constant", kappa: 0 };
  const at = name.lastIndexOf("-");
  const value = Number(name.slice(at + 1));
  switch (name.slice(0, at)) {
    case "constant":
      return { kind: "constant", kappa: value };
    case "max-capped":
    case "constant-remdm":
      return { kind: "capped", eta: value };
    case "max-rescale":
      return { kind: "rescaled", eta: value };
    default:
      throw new Error(`unknown mode ${name}`);
  }
}

/** Pairs the chances of each step, where the published run had a position of the kind. */
function chancesOf(
  run: PeerCase,
  { strategy, steps }: { readonly strategy: Psi; readonly steps: readonly number[] },
  calls: readonly (number | undefined)[],
): NumberPair[] {
  const { vocabSize, maskId, length, chances = [] } = run;
  const model = { vocabSize, maskId, length, timeConditioning: false };
  const { loop } = prepare({ strategy, steps }, model);
  if (loop.kind !== "drawFirst") throw new Error("psi draws first");
  const { reveal, remask } = loop.plan;
  return calls.flatMap((call, step) => {
    const theirs = call === undefined ? undefined : chances.at(call);
    if (theirs === undefined) return [];
    return [
      ...(theirs.reveal === null ? [] : [{ theirs: theirs.reveal, ours: reveal[step] }]),
      ...(theirs.remask === null ? [] : [{ theirs: theirs.remask, ours: remask[step] }]),
    ];
  });
}

/** Rounds as Python's `round` does. */
function halfToEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}
