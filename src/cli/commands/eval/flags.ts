/** The flags of `remdm eval` are as commander hands them over: ranges are not checked yet. */
import type { Device } from "../../../backend/device.ts";
import type { ReferenceUnit } from "../../../evaluation/texts/referencesFile.ts";

export const DEFAULT_JUDGE = "demo-ar";

export interface EvalFlags {
  readonly references?: string;
  readonly referenceUnit: ReferenceUnit;
  readonly referenceCount?: number;
  readonly words?: string;
  readonly tokenizer?: string;
  /** false: --no-judge; undefined: the bundled one. */
  readonly judge?: string | false;
  readonly judgeTokenizer?: string;
  readonly rawWeights?: true;
  readonly device: Device;
  readonly batchSize?: number;
  readonly maxLength?: number;
  /** true: --mauve; false: --no-mauve. */
  readonly mauve?: boolean;
  readonly mauveSeeds?: readonly number[];
  readonly mauveScale?: number;
  readonly json?: true;
  readonly out?: string;
  readonly original?: string;
  readonly force?: true;
  readonly quiet?: true;
}
