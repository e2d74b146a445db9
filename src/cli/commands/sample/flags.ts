/** The flags of `remdm sample` are as commander hands them over: ranges are not checked yet. */
import type { Device } from "../../../backend/device.ts";
import type { FinishReason } from "../../../sampler/events.ts";
import type { Quirks } from "../../../sampler/quirks.ts";
import type { TokenName } from "../../../program/tokenNames.ts";
import type { GuideFlags } from "./guideOptions.ts";
import type { StrategyFlags } from "./strategyOptions.ts";

export interface SampleFlags extends StrategyFlags, GuideFlags {
  readonly checkpoint: string;
  readonly tokenizer?: string;
  readonly rawWeights?: true;
  readonly dtype: "float32" | "bfloat16";
  readonly device: Device;
  readonly strategy?: string;
  /** `name=value` each, for a strategy of a module. */
  readonly strategyOption?: readonly string[];
  readonly predictor?: "ddpm_cache" | "ddpm" | "analytic";
  readonly steps?: number;
  readonly topP?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly ban?: readonly TokenName[];
  readonly suppress?: readonly TokenName[];
  readonly guidance?: number;
  readonly samples: number;
  readonly batchSize?: number;
  readonly window?: number | "auto";
  readonly length?: number;
  readonly seed: bigint;
  readonly executor?: "events" | "dense";
  readonly quirks?: Quirks;
  readonly stride?: number;
  readonly strides?: number;
  readonly blockLength?: number;
  readonly until?: FinishReason;
  /** false: `--no-special-tokens`. */
  readonly specialTokens?: boolean;
  readonly prompt?: string;
  readonly json?: true;
  readonly out?: string;
  readonly force?: true;
  readonly quiet?: true;
}
