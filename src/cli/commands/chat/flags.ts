/** The flags of `remdm chat`. */
import type { SampleFlags } from "../sample/flags.ts";

/** They are as commander hands them over: ranges are not checked yet. */
export interface ChatFlags extends Omit<
  SampleFlags,
  | "samples"
  | "batchSize"
  | "window"
  | "length"
  | "stride"
  | "strides"
  | "until"
  | "prompt"
  | "specialTokens"
  | "json"
  | "out"
  | "force"
> {
  readonly system?: string;
  readonly answerLength?: number;
  /** `name=JSON` each. */
  readonly templateOption?: readonly string[];
}
