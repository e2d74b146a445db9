/** The flags of `remdm edit`. */
import type { SampleFlags } from "../sample/flags.ts";

/** They are as commander hands them over: ranges are not checked yet. */
export interface EditFlags extends SampleFlags {
  readonly suspect: number;
  readonly t0: number;
}
