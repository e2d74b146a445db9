/** Puts into words what `remdm sample` did: what a run took, its samples, and what to try next. */
import type { SampleResult } from "../../../program/run.ts";
import type { FinishReason, GuidedSample } from "../../../sampler/events.ts";
import type { ModelKind } from "../../../sampler/denoiser.ts";
import { counted } from "../../../foundation/messages.ts";
import { harmless } from "../../terminal/terminalText.ts";
import type { SamplingOptions } from "./samplingOptions.ts";

/**
 * Says what a run took.
 * @param steps undefined where the strategy takes none.
 */
export function closing(
  { stats, tokens }: Pick<SampleResult, "stats" | "tokens">,
  steps: number | undefined,
): string {
  const { seconds, forwardCalls, forwardRows, rounds, tokensPerForward } = stats;
  const ahead = rounds === forwardCalls ? "" : ` in ${counted(rounds, "round")}`;
  const parts = [
    ...(steps === undefined ? [] : [counted(steps, "step")]),
    `${counted(forwardCalls, "forward call")}${ahead}`,
    `${counted(forwardRows, "row")} of logits`,
    `${tokensPerForward.toFixed(2)} tokens per forward`,
  ];
  return `${counted(tokens.length, "sample")} in ${seconds.toFixed(1)} s: ${parts.join(", ")}`;
}

/** Says how the reward of `--guide` judges the texts that were chosen. */
export function rewardsOf(guided: readonly Pick<GuidedSample, "reward">[]): string {
  return `Rewards: ${guided.map(({ reward }) => String(Number(reward.toPrecision(4)))).join(", ")}`;
}

/** Says what there is after Ctrl-C. @param path of the file that keeps the samples. */
export function stopped(
  finished: number,
  samples: number,
  path: string | undefined,
  json: boolean,
): string {
  const of = `${finished} of ${counted(samples, "sample")}`;
  if (path !== undefined) return `Stopped. ${of} kept in ${path}.`;
  return json && finished > 0
    ? `Stopped. ${of} had finished and are lost: use --out to keep them.`
    : `Stopped. ${of} had finished.`;
}

/** A line of `--out`. */
export interface SampleRecord {
  readonly sample: number;
  readonly tokens: readonly number[];
  readonly text: string;
  /** Nats. */
  readonly entropy: number;
  readonly finishReason: FinishReason;
  /** In a run that fills gaps: the text of each gap. */
  readonly gaps?: readonly string[];
  /** In a guided run: the reward of the text. */
  readonly reward?: number;
}

/**
 * Writes a sample for people. Alone and not on a terminal it is the text and nothing else, so that
 * it can be piped.
 * @param samples how many there are in all.
 */
export function toText(
  { sample, text }: Pick<SampleRecord, "sample" | "text">,
  samples: number,
  isTerminal: boolean,
): string {
  const heading = samples > 1 || isTerminal ? `--- sample ${sample + 1} of ${samples}\n` : "";
  return `${heading}${isTerminal ? harmless(text) : text}\n`;
}

export interface Tried {
  readonly kind: ModelKind;
  readonly checkpoint: string;
  readonly options: SamplingOptions;
  /** How the command was called: by `npm start`, or itself. */
  readonly command: string;
}

/** Strategies that remask by default, by the beginnings of their names. */
const REMASKING = /^(remdm|forward-backward|dfm|psi)/;

/** Suggests what to try next. */
export function suggestion({ kind, checkpoint, options, command }: Tried): string {
  const { prompt, strategy, samples = 1 } = options;
  const isBundled = /^demo(-ar|-sedd)?$/.test(checkpoint);
  const model = checkpoint === "demo" ? "" : ` --checkpoint ${checkpoint}`;
  const what =
    prompt === undefined && isBundled
      ? `${command}${model} --prompt "ROMEO:" --seed random`
      : kind === "mdlm" && REMASKING.test(strategy?.kind ?? "remdm-loop")
        ? `${command}${model} --strategy mdlm, which remasks nothing`
        : samples === 1
          ? `${command}${model} --samples 4 --out samples.jsonl`
          : `${command}${model} --seed random`;
  return `Next: ${what}`;
}

/** Tells how the program was started, for a reader who is to start it again. */
export function commandOf(env: NodeJS.ProcessEnv): string {
  return env.npm_lifecycle_event === "start" ? "npm start --" : "npx remdm sample";
}
