// @part slow
/**
 * Whole runs of the original repository, seed for seed: every token of every state, the number of forward calls, the
 * entropies and the texts, for all its models and samplers, through the real backend.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  Remdm,
  sample,
  type Denoiser,
  type SampleOptions,
  type SamplerEvent,
} from "../src/index.ts";
import { strategyOf, type StepCase } from "./sampler/support/stepCases.ts";
import { expectRecordedOutputs } from "./support/forwardCases.ts";
import { goldenCheckpoint, goldenTokenizer, readGolden } from "./support/golden.ts";

interface WholeRun extends Pick<
  StepCase,
  "sampler" | "predictor" | "steps" | "nucleusP" | "seed" | "eta" | "tOn" | "tOff" | "alphaOn"
> {
  readonly forwardCalls: number;
  /** [steps][B][L] the state after every step; AR has none. */
  readonly trajectory?: readonly (readonly (readonly number[])[])[];
  readonly tokens: readonly (readonly number[])[];
  readonly text: readonly string[];
  readonly entropy: readonly number[];
}

interface Group {
  readonly model: "mdlm" | "sedd" | "d3pm" | "ar";
  readonly batch: number;
  readonly maskIndex: number;
  readonly cases: readonly WholeRun[];
}

const LENGTH = 64;
/** Loading PyTorch takes seconds, or a minute on a machine that is out of breath. */
const MINUTES = 60_000;

const groups = readGolden("end2end") as readonly Group[];

describe("the original's runs", () => {
  it("are recorded for every model", () => {
    expect(groups.map(({ model, cases }) => [model, cases.length])).toEqual([
      ["mdlm", 30],
      ["sedd", 2],
      ["d3pm", 2],
      ["ar", 2],
    ]);
  });

  describe.each(groups.map((group) => [group.model, group] as const))("%s", (_, group) => {
    let remdm: Remdm;
    beforeAll(async () => {
      remdm = await Remdm.launch({
        checkpoint: goldenCheckpoint(group.model),
        tokenizer: goldenTokenizer,
        device: "cpu",
      });
    }, 3 * MINUTES);
    afterAll(async () => {
      await remdm.close();
    });

    it("the network's outputs are the recorded ones, through the wire", async () => {
      await expectRecordedOutputs(remdm, true);
    });

    it("the default path samples too: same seed, same texts, no masks", async () => {
      const options = { samples: 2, seed: 4, ...(group.model === "ar" ? {} : { steps: 16 }) };
      const [first, second] = await Promise.all([
        remdm.sample(options).result(),
        remdm.sample(options).result(),
      ]);
      expect(first.tokens).toEqual(second.tokens);
      expect(first.tokens.flatMap((ids) => [...ids])).not.toContain(group.maskIndex);
      expect(first.tokens[0]).not.toEqual(first.tokens[1]);
    });

    it.each(group.cases.map((run) => [title(run), run] as const))("%s", async (__, recorded) => {
      const run = remdm.sample(optionsOf(group, recorded));
      const states = Array.from({ length: group.batch }, () => new Int32Array(LENGTH));
      states.forEach((state) => state.fill(group.maskIndex));
      const trajectory: number[][][] = [];
      for await (const event of run) {
        apply(states, event, group.maskIndex);
        // A progress event ends a step; the last two are those of the noise removal and of the end.
        if (event.type === "progress") trajectory.push(states.map((state) => [...state]));
      }
      const { tokens, texts, entropies, stats } = await run.result();
      expect(tokens.map((ids) => [...ids])).toEqual(recorded.tokens);
      if (recorded.trajectory !== undefined && recorded.trajectory.length > 0) {
        expect(trajectory.slice(0, recorded.trajectory.length)).toEqual(recorded.trajectory);
      }
      expect(stats.forwardCalls).toBe(recorded.forwardCalls);
      expect(texts).toEqual(recorded.text);
      entropies.forEach((entropy, b) => {
        expect(Math.abs(entropy - recorded.entropy[b])).toBeLessThan(1e-5);
      });
    });
  });

  it(
    "an ar model gives the same tokens with and without a KV cache",
    async () => {
      await using remdm = await Remdm.launch({
        checkpoint: goldenCheckpoint("ar"),
        tokenizer: goldenTokenizer,
        device: "cpu",
      });
      const { denoiser } = remdm;
      const cached: boolean[] = [];
      const forgetful: Denoiser = {
        model: denoiser.model,
        forward: ({ cache, ...request }, signal) => {
          cached.push(cache !== undefined);
          return denoiser.forward(request, signal);
        },
      };
      const options = { samples: 4, seed: 12, topP: 0.9 };
      const plain = await sample(forgetful, options);
      const quick = await remdm.sample(options).result();
      expect(cached).toEqual(new Array(62).fill(true));
      expect(quick.tokens).toEqual(plain.tokens);
    },
    3 * MINUTES,
  );
});

function optionsOf({ model, batch }: Group, run: WholeRun): SampleOptions {
  const { seed, steps, nucleusP } = run;
  const shared = {
    executor: "dense",
    noise: "torch",
    seed,
    samples: batch,
    batchSize: batch,
    topP: nucleusP,
  } as const;
  if (model === "ar") return { ...shared, strategy: { kind: "ar" } };
  return { ...shared, strategy: strategyOf(run), steps };
}

function apply(states: readonly Int32Array[], event: SamplerEvent, maskId: number): void {
  if (event.type !== "revealed" && event.type !== "remasked") return;
  event.positions.forEach((position, i) => {
    states[event.sample][position] = event.type === "revealed" ? event.tokens[i] : maskId;
  });
}

function title({ sampler, predictor, steps, nucleusP, seed }: WholeRun): string {
  return `${sampler} (${predictor}), ${steps} steps, p = ${nucleusP}, seed ${seed}`;
}
