/**
 * Recorded runs of published samplers (`test/golden/peers`), sampled with our strategies on the same
 * network and with the same noise: the same tokens before every call, and the same number of calls.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import {
  sample,
  type ForwardRequest,
  type StatisticsRequest,
  type TokenId,
} from "../../src/sampler/index.ts";
import { HashNetwork } from "./support/hashNetwork.ts";
import { inOurWords, PEER_NAMES, type OurRun } from "./support/peerRuns.ts";
import { peerCases, type PeerCase } from "./support/peers.ts";
import { statisticsOf } from "./support/rowStatistics.ts";

/** How many recorded runs are compared, and why the others are not. `docs/orders.md` says the same. */
const COMPARED = {
  llada: 15,
  "fast-dllm": 20,
  "remdm-llada": 10,
  dream: 14,
  mdpo: 12,
  p2: 28,
  "entropy-bounded": 24,
  editing: 18,
  "hf-diffusers": 6,
};
const LEFT_OUT = {
  blocks: 84,
  "steps beside a threshold": 30,
  "draw first": 30,
  "the confidence of a cut or tempered row": 23,
  "an order that is not built": 18,
  "a quirk that is not copied": 10,
  "no mask token": 6,
  "a last step that draws": 4,
  "steps in which time stands still": 1,
};

describe.each(PEER_NAMES)("%s", (peer) => {
  const runs = peerCases(peer).flatMap((run, i): [string, PeerCase, OurRun][] => {
    const ours = inOurWords(peer, run);
    if (typeof ours === "string") return [];
    return [[`${i}: ${run.function} ${JSON.stringify(run.options)}`, run, ours]];
  });
  if (runs.length === 0) return;

  it.each(runs)("%s", async (_, run, ours) => {
    const network = new Watched(run, ours);
    const { tokens, stats } = await sample(network, optionsOf(run, ours), ours.noise);
    const expected = askedOf(run, ours);
    expect([...network.asked, tokens[0]]).toEqual([...expected, run.result]);
    expect(stats.forwardCalls).toBe(expected.length);
  });
});

it("every recorded run is compared or has a reason why not", () => {
  const compared: Record<string, number> = {};
  const leftOut: Record<string, number> = {};
  for (const peer of PEER_NAMES) {
    for (const run of peerCases(peer)) {
      const ours = inOurWords(peer, run);
      const [into, name] = typeof ours === "string" ? [leftOut, ours] : [compared, peer];
      into[name] = (into[name] ?? 0) + 1;
    }
  }
  expect(compared).toEqual(COMPARED);
  expect(leftOut).toEqual(LEFT_OUT);
});

it("docs/orders.md says how many are compared, and how many are not for each reason", () => {
  const page = readFileSync(join(packageRoot, "docs", "orders.md"), "utf8");
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const reasons = Object.values(LEFT_OUT);
  const compared = sum(Object.values(COMPARED));
  expect(page).toContain(`${compared} of ${compared + sum(reasons)} are sampled again`);
  const lines = Array.from(page.matchAll(/^\| (\d+) \| /gm), ([, runs]) => Number(runs));
  expect(lines).toEqual(reasons);
});

function optionsOf(run: PeerCase, { options }: OurRun) {
  const known = [...startOf(run).entries()].filter(([, token]) => token !== run.maskId);
  return { ...options, pinned: new Map(known), length: run.length };
}

/** The texts that our strategy is to ask about: those of the recorded calls that can do anything. */
function askedOf(run: PeerCase, { asksForRevealsOnly = false }: OurRun): readonly TokenId[][] {
  if (!startOf(run).includes(run.maskId)) return [];
  const asked = [startOf(run), ...run.states.slice(0, -1)].map((text) => [...text]);
  if (!asksForRevealsOnly) return asked;
  return asked.filter((text, call) => text.join() !== run.states[call].join());
}

function startOf({ prompt, start, length, maskId }: PeerCase): readonly TokenId[] {
  return start ?? [...prompt, ...Array<TokenId>(length - prompt.length).fill(maskId)];
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
    Object.assign(this.model, { judgesRevealed: ours.judgesRevealed ?? false });
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
