/**
 * Peers whose rows say what is revealed, in our words. Nothing of a strategy is computed here but
 * numbers that its caller gives: how many positions a step reveals, and times.
 */
import type { Strategy } from "remdm/sampler";
import { eachCall, maskNoise, noiseOf } from "./noise.ts";
import { linspace, number, type Options, type OurRun, type Reason } from "./ourRun.ts";
import { startOf, type PeerCase } from "./recordings.ts";

export function llada(run: PeerCase): OurRun | Reason {
  const { options } = run;
  const { blockLength, share } = blocksOf(options, "gen_length", "block_length");
  if (options.confidence_eos_eot_inf === true) return "a quirk that is not copied";
  const temperature = number(options, "temperature");
  const isRandom = options.remasking === "random";
  const of = temperature === 0 ? "likeliest" : "drawn";
  return {
    options: {
      strategy: isRandom ? { kind: "random" } : { kind: "confidence", of },
      steps: share(number(options, "steps")),
      blockLength,
      temperature,
      topP: 1,
    },
    noise: eachCall(
      noiseOf(run, {
        tokens: temperature === 0 ? undefined : 0,
        positions: temperature === 0 ? 0 : 1,
      }),
    ),
    asksForRevealsOnly: isRandom,
    guidance: number(options, "cfg_scale"),
    banned: options.logits_eos_inf === true ? [2] : [],
  };
}

export function fastDllm(run: PeerCase): OurRun | Reason {
  const { options } = run;
  const { blockLength, share } = blocksOf(options, "gen_length", "block_length");
  const temperature = number(options, "temperature");
  const of = temperature === 0 ? "likeliest" : "drawn";
  const common = { blockLength, temperature, topP: 1 };
  const noise = eachCall(noiseOf(run, { tokens: 0 }));
  if (typeof options.threshold === "number") {
    // No probability is above 1: a threshold of 1.5 and one of 1 let the surest pass alone.
    const tau = Math.min(1, options.threshold);
    return { options: { ...common, strategy: { kind: "threshold", tau, of } }, noise };
  }
  if (typeof options.factor === "number") {
    const strategy = { kind: "factor", factor: options.factor, of } as const;
    return { options: { ...common, strategy }, noise };
  }
  const strategy = { kind: "confidence", of } as const;
  return { options: { ...common, strategy, steps: share(number(options, "steps")) }, noise };
}

export function remdmLlada(run: PeerCase): OurRun | Reason {
  const { options } = run;
  const { blockLength, share } = blocksOf(options, "mask_length", "block_size");
  const steps = share(number(options, "sampling_steps"));
  const endId = number(options, "eos_token_id");
  const common = { blockLength, topP: 1 };
  const rest = {
    ...(endId >= 0 && { endId }),
    noise: eachCall(noiseOf(run, { tokens: 0, smallest: 1e-10 })),
  };
  if (run.function === "llada_conf_sample") {
    return {
      options: { ...common, strategy: { kind: "confidence", of: "drawn" }, steps },
      ...rest,
    };
  }
  const remasks = number(options, "remdm_number");
  return {
    options: { ...common, strategy: { kind: "remdm-llada", remasks }, steps: 2 * steps },
    ...rest,
  };
}

export function dream(run: PeerCase): OurRun | Reason {
  const { options } = run;
  const steps = number(options, "steps");
  const isCut = typeof options.top_p === "number" || typeof options.top_k === "number";
  const temperature = number(options, "temperature");
  if (options.alg === "confidence_threshold") return "steps beside a threshold";
  const times = linspace(1, number(options, "eps"), steps + 1);
  if (options.alg === "origin") {
    if (temperature > 0) return "a last step that draws";
    // The last step reveals all that is left, which is our final noise removal.
    const noise = maskNoise(run);
    return {
      options: {
        strategy: { kind: "mdlm" },
        steps: times.slice(0, steps),
        temperature,
        topP: 1,
      },
      noise,
      asksForRevealsOnly: true,
    };
  }
  if (temperature > 0 || isCut) return "the confidence of a cut or tempered row";
  const orderTemperature = typeof options.alg_temp === "number" ? options.alg_temp : 0;
  const strategy = orderOf(options.alg, { pace: "times", orderTemperature });
  return {
    options: { strategy, steps: times, temperature: 0 },
    noise: noiseOf(run, { positions: 0, exponential: true }),
  };
}

interface OrderOptions {
  readonly pace?: "times";
  readonly orderTemperature?: number;
  readonly counts?: readonly number[];
}

/** The order of revealing by the name that Dream and MDPO give it. */
function orderOf(published: unknown, options: OrderOptions): Strategy {
  switch (published) {
    case "confidence":
      return { kind: "confidence", ...options };
    case "maskgit_plus":
      return { kind: "confidence", scale: "probability", ...options };
    case "topk_margin":
      return { kind: "margin", ...options };
    case "entropy":
      return { kind: "entropy", ...options };
    default:
      throw new Error(`unknown order ${String(published)}`);
  }
}

export function mdpo(run: PeerCase): OurRun | Reason {
  const { options } = run;
  const { blockLength: length, share: stepsOf } = blocksOf(options, "gen_length", "block_length");
  if (number(options, "temperature") > 0) return "the confidence of a cut or tempered row";
  const steps = stepsOf(number(options, "steps"));
  const common = { blockLength: length, temperature: 0 };
  const left = Array.from({ length: steps }, (_, i) => share(options, (i + 1) / steps, length));
  if (options.rcr === true) {
    if (options.conf_alg !== "confidence") return "an order that is not built";
    // It goes on to remask what earlier blocks hold.
    if (length < number(options, "gen_length")) return "a quirk that is not copied";
    // It rounds down in float64: 12 (1 - 1/12) is 10 there, and 11 with us.
    const isLower = (part: number) =>
      Math.floor(length * part) < Math.floor(Math.fround(length * part));
    const times = [1, ...left.map((part) => (isLower(part) ? part * (1 - 1e-6) : part))];
    if (times.some((time, i) => i > 0 && time >= times[i - 1])) {
      return "steps in which time stands still";
    }
    return { options: { ...common, strategy: { kind: "rcr" }, steps: times } };
  }
  const masks = left.map((part) => Math.floor(length * part));
  const counts = masks.map((after, i) => (i === 0 ? length : masks[i - 1]) - after);
  return { options: { ...common, strategy: orderOf(options.conf_alg, { counts }) } };
}

/** The blocks of a run, and how many of its steps each takes. */
function blocksOf(options: Options, length: string, block: string) {
  const blockLength = number(options, block);
  const blocks = number(options, length) / blockLength;
  return { blockLength, share: (steps: number) => Math.floor(steps / blocks) };
}

/** MDPO's share of masks, by the schedule `mode`. @param r in (0, 1]. */
function share({ mode }: Options, r: number, length: number): number {
  const bits = Math.log2(length);
  const shares: Readonly<Record<string, number | undefined>> = {
    linear: 1 - r,
    cosine: Math.cos((r * Math.PI) / 2),
    pow2: 1 - r ** 2,
    log: -Math.log2(r) / bits,
    exp: 1 - 2 ** (-bits * (1 - r)),
  };
  const value = shares[String(mode)];
  if (value === undefined) throw new Error(`unknown schedule ${String(mode)}`);
  return Math.min(1, Math.max(1e-6, value));
}

export function p2(run: PeerCase): OurRun | Reason {
  const { options } = run;
  if (run.function === "p2_plus_sampling") return "an order that is not built";
  if (options.score_fn !== "logP") return "an order that is not built";
  if (number(options, "tau") > 0) return "a quirk that is not copied";
  const steps = number(options, "num_steps");
  const kappas: Readonly<Record<string, (t: number) => number>> = {
    linear_scheduler: (t) => t,
    sine_scheduler: (t) => Math.sin((t * Math.PI) / 2),
    geometric_scheduler: (t) => 1 - (1 - t) ** 2,
    log_scheduler: (t) => Math.log(t + 1) / Math.log(2),
    poly2_scheduler: (t) => t ** 2,
    poly05_scheduler: (t) => t ** 0.5,
  };
  const kappa = kappas[String(options.kappa_fn)];
  const times = Array.from({ length: steps + 1 }, (_, i) =>
    i === 0 ? 1 : Math.max(0, Math.fround(1 - kappa(i * (1 / steps)))),
  );
  const strategy = { kind: "p2", eta: number(options, "eta") } as const;
  return { options: { strategy, steps: times, temperature: 0 } };
}

export function entropyBounded(run: PeerCase): OurRun | Reason {
  const { options } = run;
  if (typeof options.num_steps === "number") return "steps beside a threshold";
  if (number(options, "temperature") !== 1) return "the confidence of a cut or tempered row";
  const by = options.error_proxy as "entropy" | "confidence" | "margin";
  return {
    options: {
      strategy: { kind: "entropy-bounded", gamma: number(options, "gamma"), by },
      topP: 1,
    },
    noise: noiseOf(run, { tokens: 0, smallest: 1e-10 }),
  };
}

export function editing(run: PeerCase): OurRun | Reason {
  const { options } = run;
  const blockLength = number(options, "block_length");
  // It asks about the whole of its last block, also where that goes on beyond the text.
  const hasBlocks = blockLength < run.length;
  if (hasBlocks && run.length % blockLength !== 0) return "blocks without what follows";
  const temperature = number(options, "temperature");
  const isCut = typeof options.top_p === "number" || typeof options.top_k === "number";
  if (isCut || (temperature > 0 && temperature < 1)) {
    return "the confidence of a cut or tempered row";
  }
  const strategy = {
    kind: "editing",
    tau: number(options, "threshold"),
    tauEdit: number(options, "editing_threshold"),
    least: number(options, "num_to_transfer"),
    after: number(options, "max_post_steps"),
  } as const;
  return {
    options: { strategy, temperature, topP: 1 },
    noise: noiseOf(run, { tokens: 0, exponential: true }),
    judgesRevealed: true,
    ...(hasBlocks && { blockLength }),
  };
}

export function diffusers(run: PeerCase): OurRun | Reason {
  if (run.function === "EntropyBoundScheduler") return "no mask token";
  if (run.function !== "AmusedScheduler") return "steps beside a threshold";
  const { options, length, maskId } = run;
  const steps = number(options, "num_inference_steps");
  const [from, to] = options.temperature as readonly [number, number];
  const counts: number[] = [];
  // One of the recorded prompts has a mask in it, which is filled in too.
  let masks = startOf(run).filter((token) => token === maskId).length;
  for (let i = 0; i < steps; i++) {
    const ratio = Math.fround((i + 1) / steps);
    const isCosine = options.masking_schedule === "cosine";
    const open = Math.fround(isCosine ? Math.cos((ratio * Math.PI) / 2) : 1 - ratio);
    const after = Math.max(1, Math.min(masks - 1, Math.floor(Math.fround(length * open))));
    counts.push(i === steps - 1 ? masks : masks - after);
    masks -= counts[i];
  }
  // Times that make the noise fall from one number to the other: it is proportional to them.
  const orderTemperature = 2 * from;
  const times = [1, ...linspace(from, to, steps).map((one) => one / orderTemperature)];
  const strategy = { kind: "confidence", of: "drawn", counts } as const;
  return {
    options: {
      strategy:
        orderTemperature === 0 || steps === 1
          ? strategy
          : { ...strategy, orderTemperature, anneal: true },
      ...(orderTemperature > 0 && steps > 1 && { steps: times }),
      topP: 1,
    },
    noise: noiseOf(run, { tokens: 0, exponential: true, positions: 1 }),
  };
}
