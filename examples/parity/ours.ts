/** The same runs with remdm: its dense executor, with PyTorch's noise. */
import { Remdm, type Denoiser, type ForwardRequest, type Tokenizer } from "remdm";
import type { ParityCase } from "./cases.ts";
import { largestDifference, type State } from "./compare.ts";
import type { Card, Probe } from "./original.ts";
import type { Options } from "./options.ts";

export interface OurRun {
  readonly tokens: State;
  /** The state after every step, the noise removal's and the end's included. */
  readonly trajectory: readonly State[];
  readonly forwardCalls: number;
  readonly seconds: number;
}

export function launch(
  checkpoint: string,
  card: Card,
  device: Options["device"],
  signal: AbortSignal,
): Promise<Remdm> {
  return Remdm.launch({
    checkpoint,
    tokenizer: tokenizerOf(card),
    device,
    // The original computes under bfloat16 autocast on a GPU, in float32 on a CPU.
    dtype: device === "cpu" ? "float32" : "bfloat16",
    rawWeights: card.weights === "raw",
    signal,
  });
}

export async function runOurs(
  remdm: Remdm,
  { strategy, topP, steps }: ParityCase,
  { batch, seed, signal }: { batch: number; seed: number; signal: AbortSignal },
): Promise<OurRun> {
  const run = remdm.sample({
    executor: "dense",
    noise: "torch",
    strategy,
    ...(steps !== undefined && { steps }),
    topP,
    seed,
    samples: batch,
    batchSize: batch,
    signal,
  });
  const { maskId, length } = remdm.model;
  const states = Array.from({ length: batch }, () => new Array<number>(length).fill(maskId));
  const trajectory: number[][][] = [];
  for await (const event of run) {
    switch (event.type) {
      case "revealed":
        event.positions.forEach((position, i) => {
          states[event.sample][position] = event.tokens[i];
        });
        break;
      case "remasked":
        for (const position of event.positions) states[event.sample][position] = maskId;
        break;
      case "progress": // ends a step of the whole batch
        trajectory.push(states.map((state) => [...state]));
        break;
      case "finished":
      case "weighted":
        break;
    }
  }
  const { tokens, stats } = await run.result();
  const { forwardCalls, seconds } = stats;
  return { tokens: tokens.map((ids) => [...ids]), trajectory, forwardCalls, seconds };
}

/** The largest difference between what the original's `forward` said and what our network says to the same question. */
export async function outputDifference(remdm: Remdm, probe: Probe): Promise<number> {
  const { denoiser } = remdm;
  if (!hasOutputs(denoiser)) throw new Error("this version of remdm shows no outputs of `forward`");
  const ours = await denoiser.logProbs({
    batch: probe.tokens.length,
    length: probe.tokens[0].length,
    tokens: Int32Array.from(probe.tokens.flat()),
    sigma: Float32Array.from(probe.sigma),
    rows: Int32Array.from(probe.rows),
  });
  return largestDifference(probe.output, ours);
}

/** The denoiser over ZeroMQ has more than a sampler asks for: the original's `forward`, after its parameterization. */
interface Outputs {
  logProbs(request: ForwardRequest): Promise<Float32Array>;
}

function hasOutputs(denoiser: Denoiser): denoiser is Denoiser & Outputs {
  return "logProbs" in denoiser && typeof denoiser.logProbs === "function";
}

/** Texts play no part here, only what the checkpoint's own tokenizer begins and ends them with. */
function tokenizerOf({ tokenizerSize, bosId, eosId }: Card): Tokenizer {
  return {
    name: "the checkpoint's",
    vocabSize: tokenizerSize,
    ...(bosId !== null && { bosId }),
    ...(eosId !== null && { eosId }),
    encode: () => Promise.resolve([]),
    decode: (ids) => Array.from(ids).join(" "),
  };
}
