/**
 * Declares an experiment as a person writes it, in YAML or JSON: models x strategies x steps x
 * options of the strategy x top-p x temperature x top-k x seeds. `npm run schemas` turns these
 * types into `schemas/experiment.json`. A list multiplies. The setting nearest to a strategy
 * counts: the strategy's before the model's, the model's before the file's. Keys that begin with
 * `x-` are ignored everywhere, for YAML's anchors and notes.
 */
import type { TokenName } from "../../program/tokenNames.ts";
import type { StrategySetting } from "../../sampler/strategies/notation.ts";

/** One value, or several to be tried one after the other. */
type Several<T> = T | readonly T[];

/** What may be said for the whole experiment, for a model, or for a strategy. */
export interface CellSettings {
  /** Denoising steps, integers >= 1; required except by `ar`, which takes one a token. */
  readonly steps?: Several<number>;
  /** Nucleus masses in (0, 1]. Default 0.9. `ddpm` and `analytic` have no nucleus. */
  readonly topP?: Several<number>;
  /** What the logits are divided by for the draw of tokens, in [0, Infinity). Default 1. */
  readonly temperature?: Several<number>;
  /** How many of the likeliest tokens a draw may take, integers >= 1. Default: all. */
  readonly topK?: Several<number>;
  /**
   * Tokens that are never drawn, each by its id or by a text that is exactly one token of the
   * tokenizer. One list, which makes no cells. Default: none.
   */
  readonly banned?: readonly TokenName[];
  /**
   * Tokens that may be drawn and are revealed last, named as for `banned`. Only strategies in which
   * the rows of the network say what is revealed have it. Default: none.
   */
  readonly suppressed?: readonly TokenName[];
  /** Integers in [0, 2^53). Default 1. A cell for each. */
  readonly seeds?: Several<number>;
  /** Samples of a cell. Default 128. */
  readonly samples?: number;
  /** Tokens of a sample. Default: the model's length, at most 1024. */
  readonly length?: number;
  /**
   * Tokens of a block: samples are generated block by block, each in `steps` steps. Only strategies
   * that have blocks take it. Default: as a whole, or in the blocks that a BD3-LM was trained on.
   */
  readonly blockLength?: number;
  /** Sequences in one forward call. Default: at most 16. */
  readonly batchSize?: number;
  /** Whom to follow where code and papers differ. Default `original`. */
  readonly quirks?: "original" | "paper";
  /**
   * `dense`: the original's arithmetic and noise; a cell that is interrupted then begins anew.
   * Default `events`.
   */
  readonly executor?: "events" | "dense";
}

/** A record that `kind` tells apart, such as `{ kind: loop, tOn: 0.6 }`. */
export interface OptionRecord {
  readonly kind: string;
  readonly [option: string]: number | boolean | string;
}

/** A value of an option. The kind of a record may stand for the record: `window: loop`. */
type OptionValue = number | boolean | string | OptionRecord;

/**
 * Options of a strategy by the names in its option table. A list makes a cell of each value; where
 * the option itself is a list of integers (`counts`), a list of lists does.
 */
// The schema generator takes a Record for an object without properties.
// eslint-disable-next-line @typescript-eslint/consistent-indexed-object-style
export interface EntryOptions {
  readonly [name: string]: OptionValue | readonly (OptionValue | readonly number[])[];
}

/** Numeric options of built-in strategies, beside the name. A list makes a cell of each value. */
type EntrySettings = Readonly<Partial<Record<Exclude<StrategySetting, "eta">, Several<number>>>>;

/**
 * A strategy with more than its name.
 * @patternProperties {"^x-": {}}
 */
export interface StrategyEntry extends CellSettings, EntrySettings {
  /**
   * Options of the strategy, built-in or your own, as its option table names them. Numeric ones may
   * also stand beside the name.
   */
  readonly options?: EntryOptions;
  /**
   * As `remdm sample --strategy` takes it: `mdlm`, `remdm-loop`, `remdm-cap+conf+loop`, ..., or a
   * strategy of your own, `./mine.js#name`, from the directory of the experiment file.
   */
  readonly name: string;
  /** What tables and charts call it. Default: its name. */
  readonly label?: string;
  /**
   * For cap, rescale and loop. `paper`: what the paper has for that number of steps. Default: the
   * paper's for 1,024.
   */
  readonly eta?: Several<number> | "paper";
}

/** @patternProperties {"^x-": {}} */
export interface ModelEntry extends CellSettings {
  /**
   * The name of a bundled model (`demo`) or of a published one that was downloaded (`mdlm`), or a
   * path beside the experiment file: `.ckpt`, `.safetensors`, or a directory.
   */
  readonly checkpoint: string;
  /** Its name in tables and files. Default: the last part of `checkpoint` without its ending. */
  readonly name?: string;
  /** `gpt2`, `demo`, or a path beside the experiment file. Default: as for `remdm sample`. */
  readonly tokenizer?: string;
  /** Takes the last training step's weights instead of the averaged (EMA) ones. Default false. */
  readonly rawWeights?: boolean;
  /** @minItems 1 */
  readonly strategies: readonly (string | StrategyEntry)[];
}

/** @patternProperties {"^x-": {}} */
export interface MauveSettings {
  /** Seeds of its k-means, integers; a score each. Default 1 to 5. */
  readonly seeds?: readonly number[];
  /** Scaling constant. Default 5. */
  readonly scale?: number;
}

/** @patternProperties {"^x-": {}} */
export interface ExperimentFile extends CellSettings {
  readonly name: string;
  /** @minItems 1 */
  readonly models: readonly ModelEntry[];
  /** Texts that MAUVE needs for comparison: `.jsonl`, `.json` or plain text. Default: no MAUVE. */
  readonly references?: string;
  /**
   * Whether each window of the references begins and ends with the model's end-of-text token,
   * within its length. Default: as most samples of the cell do. Samples of the cell's length in a
   * file of samples stay as they are.
   */
  readonly referenceEnds?: boolean;
  /** A text whose words count as known words. Default: known words are not counted. */
  readonly words?: string;
  /**
   * The model that judges: `demo-ar`, or a directory with a causal language model; false for no
   * judge. Default `demo-ar`.
   */
  readonly judge?: string | false;
  /** Takes the judge's last training step's weights instead of the EMA ones. Default false. */
  readonly judgeRawWeights?: boolean;
  /**
   * False leaves MAUVE out. Settings, `{}` too, ask for it: the experiment then fails where MAUVE
   * cannot be computed. Default: it is left out there, with a note.
   */
  readonly mauve?: MauveSettings | false;
  /** `auto`, `cpu`, `cuda`, `cuda:N` or `mps`, for models and judge. Default `auto`. */
  readonly device?: string;
  /** Number format that the models compute in. Default `float32`. */
  readonly dtype?: "float32" | "bfloat16";
}
