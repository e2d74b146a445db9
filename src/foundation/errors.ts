/** The root of the error tree, and the errors that every room may throw. */

import { described, limitRemedy, shortened } from "./messages.ts";

const MARKER = Symbol.for("remdm.error");

/**
 * Stable, machine-readable names of what went wrong. Programs branch on these, never on messages.
 */
export type RemdmErrorCode =
  | "option_invalid"
  | "aborted"
  | "stream_consumed"
  | "denoiser_invalid"
  | "strategy_invalid"
  | "reward_invalid"
  | "all_ruled_out"
  | "python_missing"
  | "backend_start_failed"
  | "backend_timeout"
  | "backend_exited"
  | "backend_closed"
  | "backend_rejected"
  | "protocol_mismatch"
  | "platform_unsupported"
  | "endpoint_invalid"
  | "endpoint_busy"
  | "checkpoint_missing"
  | "checkpoint_invalid"
  | "checkpoint_unsupported"
  | "tokenizer_invalid"
  | "tokenizer_mismatch"
  | "tokenizer_unknown"
  | "template_missing"
  | "template_invalid"
  | "template_failed"
  | "device_unavailable"
  | "out_of_memory"
  | "output_failed"
  | "experiment_invalid"
  | "experiment_differs"
  | "experiment_busy"
  | "package_missing"
  | "package_bundled"
  | "input_invalid"
  | "download_interrupted"
  | "download_refused"
  | "download_busy";

export interface RemdmErrorDetails {
  readonly code: RemdmErrorCode;
  /** One sentence that tells the reader how to get on. */
  readonly remedy: string;
  readonly cause?: unknown;
}

/** The base class of every error that this package throws on purpose. */
export class RemdmError extends Error {
  override readonly name: string = "RemdmError";
  readonly code: RemdmErrorCode;
  readonly remedy: string;
  /** Marks errors of every copy of this package in a process: see {@link RemdmError.isInstance}. */
  readonly [MARKER] = true;

  constructor(message: string, details: RemdmErrorDetails) {
    super(shortened(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.remedy = limitRemedy(details.cause) ?? details.remedy;
  }

  /** Tests like `instanceof`, but across several installed copies of the package. */
  static isInstance(value: unknown): value is RemdmError {
    return typeof value === "object" && value !== null && MARKER in value;
  }
}

/**
 * Says that an option is missing, of the wrong type or out of range. It is thrown before anything
 * starts.
 */
export class OptionError extends RemdmError {
  override readonly name = "OptionError";
  /** The option as the caller wrote it, dotted when nested: `strategy.eta`. */
  readonly option: string;
  readonly value: unknown;

  /**
   * @param allowed says what is allowed, as a phrase that follows "must be", such as "a number in
   * [0, 1]", from which message and remedy are made; or it gives one or both of these sentences.
   */
  constructor(option: string, value: unknown, allowed: string | Sentences) {
    const { message, remedy } = sentences(option, value, allowed);
    super(message, { code: "option_invalid", remedy });
    this.option = option;
    this.value = value;
  }
}

/** Says that the caller's AbortSignal fired, or that the event stream was left early. */
export class AbortedError extends RemdmError {
  override readonly name = "AbortedError";

  constructor(
    cause?: unknown,
    message = "The run was aborted",
    remedy = "Start a new run; samples that had finished were delivered as events.",
  ) {
    super(message, { code: "aborted", remedy, cause });
  }
}

/** What an OptionError says where "Set it to what is allowed" would not tell what to do. */
type Sentences = { readonly remedy: string } & (
  { readonly message: string } | { readonly allowed: string }
);

function sentences(
  option: string,
  value: unknown,
  said: string | Sentences,
): { readonly message: string; readonly remedy: string } {
  if (typeof said === "string") return standardSentences(option, value, said);
  if ("message" in said) return said;
  return { ...standardSentences(option, value, said.allowed), remedy: said.remedy };
}

function standardSentences(option: string, value: unknown, allowed: string) {
  const isAbsent = allowed.startsWith("undefined");
  return {
    message: `${option} must be ${allowed}; got ${described(value)}`,
    remedy: isAbsent ? `Leave ${option} out.` : `Set ${option} to ${allowed}.`,
  };
}
