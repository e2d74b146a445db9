/** What `remdm sample` says of a run before and after it. */
import type { SampleResult } from "../../program/run.ts";
import type { ModelKind } from "../../sampler/denoiser.ts";
import type { SamplingOptions } from "./samplingOptions.ts";

/**
 * With what is sampled; the seed is the one to type to see it again, also when it was chosen at random.
 * @param named what the strategy was called, for those of the composable family.
 */
export function opening(
  { strategy = { kind: "mdlm" }, steps, topP, seed }: SamplingOptions,
  named: string | undefined,
): string {
  const parts = [
    strategy.kind === "remdm" && named !== undefined ? named : strategy.kind,
    ...(steps === undefined ? [] : [`${steps} ${steps === 1 ? "step" : "steps"}`]),
    ...(topP === undefined || topP === 1 ? [] : [`top-p ${topP}`]),
    `seed ${seed}`,
  ];
  return `Sampling: ${parts.join(", ")}`;
}

export function closing({ stats, tokens }: SampleResult): string {
  const { seconds, forwardCalls, forwardRows, steps } = stats;
  const samples = `${tokens.length} ${tokens.length === 1 ? "sample" : "samples"}`;
  return `${samples} in ${seconds.toFixed(1)} s: ${steps} steps, ${forwardCalls} forward calls, ${forwardRows} rows of logits`;
}

export interface Tried {
  readonly kind: ModelKind;
  readonly checkpoint: string;
  readonly options: SamplingOptions;
  /** How the command was called: by `npm start`, or itself. */
  readonly command: string;
}

/** What somebody who has seen this may want to see next. */
export function suggestion({ kind, checkpoint, options, command }: Tried): string {
  const { prompt, strategy, samples = 1 } = options;
  const isBundled = /^demo(-ar|-sedd)?$/.test(checkpoint);
  const model = checkpoint === "demo" ? "" : ` --checkpoint ${checkpoint}`;
  const what =
    prompt === undefined && isBundled
      ? `${command}${model} --prompt "ROMEO:" --seed random`
      : kind === "mdlm" && strategy?.kind !== "mdlm"
        ? `${command}${model} --strategy mdlm, which remasks nothing`
        : samples === 1
          ? `${command}${model} --samples 4 --out samples.jsonl`
          : `${command}${model} --seed random`;
  return `Next: ${what}`;
}

/** How the program was started, for a reader who is to start it again. */
export function commandOf(env: NodeJS.ProcessEnv): string {
  return env.npm_lifecycle_event === "start" ? "npm start --" : "npx remdm sample";
}
