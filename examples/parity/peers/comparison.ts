/** A recorded run of a published sampler, sampled again with our strategy on the same noise. */
import {
  sampleEvents,
  type ForwardRequest,
  type SamplerEvent,
  type SamplerOutcome,
  type StatisticsRequest,
  type TokenId,
} from "remdm/sampler";
import { HashNetwork } from "./hashNetwork.ts";
import type { NumberPair, OurRun } from "./ourRun.ts";
import { askedTexts, startOf, type PeerCase } from "./recordings.ts";
import { statisticsOf } from "./rowStatistics.ts";

export interface PeerComparison {
  /** The texts that calls were asked about, and the result: those that our strategy must ask. */
  readonly theirs: readonly (readonly TokenId[])[];
  readonly ours: readonly (readonly TokenId[])[];
  readonly calls: {
    /** Of the published run, those that could change nothing included. */
    readonly theirs: number;
    readonly ours: number;
  };
  /** Chances and times of the two. */
  readonly numbers: readonly NumberPair[];
}

/** Samples a recorded run again. @throws an error of the sampler, or where the noise runs out. */
export async function compareRun(
  run: PeerCase,
  ours: OurRun,
  signal?: AbortSignal,
): Promise<PeerComparison> {
  const network = new Watched(run, ours);
  const known = [...startOf(run).entries()].filter(([, token]) => token !== run.maskId);
  const { endId } = ours;
  const until = endId === undefined ? "length" : "end";
  const options = { ...ours.options, until, pinned: new Map(known), length: run.length } as const;
  // One state a call, as theirs: each call is compared.
  const own = { ...options, window: 1, ...(signal && { signal }) };
  const stream = sampleEvents(network, own, ours.noise);
  const { events, outcome } = await collected(stream);
  const times = events.flatMap((event) => (event.type === "revealed" ? [event.time] : []));
  const pairs = (ours.times ?? []).map((theirs, i) => ({ theirs, ours: times[i] ?? NaN }));
  return {
    theirs: [...neededTexts(run, ours), endOf(run, endId)],
    ours: [...network.asked, outcome.tokens[0]],
    calls: { theirs: run.calls, ours: outcome.stats.forwardCalls },
    numbers: [...(ours.chances ?? []), ...pairs],
  };
}

/** Returns the text of the result, which ends before the token that ends it. */
function endOf({ result, prompt }: PeerCase, endId: TokenId | undefined): readonly TokenId[] {
  const end = endId === undefined ? -1 : result.indexOf(endId, prompt.length);
  return end < 0 ? result : result.slice(0, end);
}

/** Returns the largest |theirs - ours|; infinite where a number is missing. */
export function numbersApart({ numbers }: PeerComparison): number {
  const apart = numbers.map(({ theirs, ours }) => Math.abs(theirs - ours));
  return Math.max(0, ...apart.map((one) => (Number.isNaN(one) ? Infinity : one)));
}

async function collected(
  stream: AsyncGenerator<SamplerEvent, SamplerOutcome, void>,
): Promise<{ events: readonly SamplerEvent[]; outcome: SamplerOutcome }> {
  const events: SamplerEvent[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { events, outcome: next.value };
    events.push(next.value);
  }
}

/** The texts that our strategy is to ask about: those of the recorded calls that can do anything. */
function neededTexts(
  run: PeerCase,
  { asksForRevealsOnly = false, blockLength }: OurRun,
): readonly (readonly TokenId[])[] {
  const start = startOf(run);
  const first = start.indexOf(run.maskId);
  if (first < 0) return [];
  const [, ...later] = askedTexts(run);
  // A network with blocks is asked about its first block with a mask, and what stands left of it.
  const end = (Math.floor(first / (blockLength ?? run.length)) + 1) * (blockLength ?? run.length);
  const asked = [start.slice(0, end), ...later];
  if (!asksForRevealsOnly) return asked;
  const reveals = (text: readonly TokenId[], call: number) =>
    text.some((token, at) => token === run.maskId && run.states[call][at] !== run.maskId);
  return asked.filter(reveals);
}

/** The network of a recorded run. It keeps the text of each forward. */
class Watched extends HashNetwork {
  readonly asked: TokenId[][] = [];
  readonly #run: PeerCase;
  readonly #ours: OurRun;
  /** The text whose statistics were asked for last: rows of it are of the same forward. */
  #told = "";

  constructor(run: PeerCase, ours: OurRun) {
    super(run);
    this.#run = run;
    this.#ours = ours;
    const { judgesRevealed = false, endId, blockLength } = ours;
    Object.assign(this.model, {
      judgesRevealed,
      ...(endId !== undefined && { eosId: endId }),
      ...(blockLength !== undefined && { blockLength }),
    });
  }

  override async statistics(request: StatisticsRequest): Promise<Float32Array> {
    this.asked.push(Array.from(request.tokens));
    this.#told = request.tokens.join();
    const rows = await this.#rows(request);
    return statisticsOf(request.statistics, rows, this.model, request.given);
  }

  override async forward(request: ForwardRequest): Promise<Float32Array> {
    if (this.#told !== request.tokens.join()) this.asked.push(Array.from(request.tokens));
    this.#told = "";
    return this.#rows(request);
  }

  /** Guides rows in float32, as the published code does, and then bans tokens. */
  async #rows(request: ForwardRequest): Promise<Float32Array> {
    const { guidance = 0, banned = [] } = this.#ours;
    const { prompt, maskId, vocabSize } = this.#run;
    const rows = await super.forward(request);
    if (guidance > 0) {
      const tokens = request.tokens.map((token, at) => (at < prompt.length ? maskId : token));
      const unconditional = await super.forward({ ...request, tokens });
      rows.forEach((logit, i) => {
        const difference = Math.fround(logit - unconditional[i]);
        rows[i] = unconditional[i] + Math.fround((guidance + 1) * difference);
      });
    }
    return rows.map((logit, i) => (banned.includes(i % vocabSize) ? -Infinity : logit));
  }
}
