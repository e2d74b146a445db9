// @part backend
/**
 * Where probabilities tie, the original's tokens hang on the order in which PyTorch's sort leaves equal numbers. PyTorch
 * is the judge, through the original's formulas (`support/original_updates.py`).
 */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { sampleEvents, type Denoiser, type Strategy } from "../../../../src/sampler/index.ts";
import { describeUnless } from "../../../support/describeUnless.ts";
import { readGolden } from "../../../support/golden.ts";
import { askPython, base64Of } from "../../support/pytorch.ts";
import { collect, replay } from "../../support/replay.ts";
import { logitsOf, titleOf, type StepCases } from "../../support/stepCases.ts";
import { bfloat16Logits } from "../../support/tiedRows.ts";

const [BATCH, LENGTH, VOCAB, MASK, STEPS] = [2, 64, 513, 512, 8];

const STRATEGIES = {
  mdlm: { kind: "mdlm" },
  "remdm-conf": { kind: "remdm-conf" },
  "remdm-loop": { kind: "remdm-loop", eta: 0.02, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 },
} as const satisfies Record<string, Strategy>;
const SAMPLERS = ["mdlm", "remdm-conf", "remdm-loop"] as const;

interface Network {
  readonly name: string;
  readonly dtype: "float32" | "bfloat16";
  /** [L, V] */
  readonly logits: Float32Array;
}

const NETWORKS: readonly Network[] = [
  {
    name: "a network as the original initialises it: all logits are equal",
    dtype: "float32",
    logits: new Float32Array(LENGTH * VOCAB),
  },
  {
    name: "a network that computes in bfloat16, which has few numbers",
    dtype: "bfloat16",
    logits: bfloat16Logits(LENGTH * VOCAB, 1),
  },
];

interface Case {
  readonly network: Network;
  readonly sampler: (typeof SAMPLERS)[number];
  readonly nucleusP: number;
}

const CASES: readonly Case[] = NETWORKS.flatMap((network) =>
  SAMPLERS.flatMap((sampler) => [0.9, 1].map((nucleusP) => ({ network, sampler, nucleusP }))),
);

function denoiserOf({ logits, dtype }: Network): Denoiser {
  const model = { kind: "mdlm", vocabSize: VOCAB, maskId: MASK, length: LENGTH, dtype } as const;
  return {
    model: { ...model, timeConditioning: false },
    forward: async ({ rows }) => {
      const answer = new Float32Array(rows.length * VOCAB);
      rows.forEach((row, n) => {
        const begin = (row % LENGTH) * VOCAB;
        answer.set(logits.subarray(begin, begin + VOCAB), n * VOCAB);
      });
      return answer;
    },
  };
}

/** @returns the state after every step, and the final tokens: [steps + 1][B][L]. */
async function statesOf({ network, sampler, nucleusP }: Case): Promise<number[][][]> {
  const run = sampleEvents(denoiserOf(network), {
    executor: "dense",
    noise: "torch",
    strategy: STRATEGIES[sampler],
    steps: STEPS,
    topP: nucleusP,
    seed: 1,
    samples: BATCH,
    batchSize: BATCH,
  });
  const { events } = await collect(run);
  const start = new Array<number>(LENGTH).fill(MASK);
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const state = replay(events, start, MASK, step + 1);
    return Array.from({ length: BATCH }, (__, b) => state.get(b) ?? start);
  });
}

function questionOf({ network, sampler, nucleusP }: Case) {
  const { dtype, logits } = network;
  return {
    ...{ ...STRATEGIES[sampler], sampler, nucleusP, dtype, steps: STEPS, seed: 1, batch: BATCH },
    ...{ maskIndex: MASK, shape: [LENGTH, VOCAB], logits: base64Of(logits) },
  };
}

describe("the judge", () => {
  it("takes every recorded step of these samplers as the original did", async () => {
    const { cases, L, V, maskIndex } = readGolden("steps") as StepCases;
    const recorded = cases.filter(
      ({ parameterization, predictor, sampler }) =>
        parameterization === "subs" && predictor === "ddpm_cache" && sampler in STRATEGIES,
    );
    const questions = recorded.map((step) => ({
      ...{ ...step, logits: base64Of(logitsOf(step)), shape: [step.x.length, L, V], maskIndex },
    }));
    const answers = (await askPython("original_updates.py", questions)) as number[][][];
    const wrong = recorded.filter(({ xs }, i) => JSON.stringify(answers[i]) !== JSON.stringify(xs));
    expect(wrong.map(titleOf)).toEqual([]);
    expect(recorded.length).toBeGreaterThan(50);
  });
});

const elsewhere =
  process.platform === "linux" ? undefined : "PyTorch's sort is another C++ library's here";

describeUnless(elsewhere, "the original's tokens", () => {
  let expected: Map<Case, number[][][]>;
  beforeAll(async () => {
    const answers = (await askPython(
      "original_updates.py",
      CASES.map(questionOf),
    )) as number[][][][];
    expected = new Map(CASES.map((one, i) => [one, answers[i]]));
  });

  it.each(CASES.map((one) => [one.sampler, one.nucleusP, one.network.name, one] as const))(
    "of %s at p = %d from %s",
    async (_, __, ___, one) => {
      const theirs = expected.get(one)?.flat(2) ?? [];
      const ours = (await statesOf(one)).flat(2);
      expect(theirs).toHaveLength((STEPS + 1) * BATCH * LENGTH);
      expect(ours.filter((token, i) => token !== theirs[i])).toHaveLength(0);
      expect(ours).toHaveLength(theirs.length);
    },
  );
});
