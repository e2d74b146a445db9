/**
 * The root of the error tree. It lives here because the sampler is the lowest layer: it may import
 * nothing of the rest, and everything else may import it.
 */

const MARKER = Symbol.for("remdm.error");

/** Stable machine-readable names of what went wrong; programs branch on these, never on messages. */
export type RemdmErrorCode =
  | "option_invalid"
  | "aborted"
  | "stream_consumed"
  | "denoiser_invalid"
  | "python_missing"
  | "backend_start_failed"
  | "backend_timeout"
  | "backend_exited"
  | "backend_closed"
  | "backend_rejected"
  | "protocol_mismatch"
  | "endpoint_invalid"
  | "endpoint_busy"
  | "checkpoint_missing"
  | "checkpoint_invalid"
  | "checkpoint_unsupported"
  | "tokenizer_invalid"
  | "tokenizer_mismatch"
  | "device_unavailable"
  | "out_of_memory"
  | "output_failed"
  | "experiment_invalid"
  | "experiment_differs"
  | "experiment_busy"
  | "package_missing"
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

/** Base class of every error that this package throws on purpose. */
export class RemdmError extends Error {
  override readonly name: string = "RemdmError";
  readonly code: RemdmErrorCode;
  readonly remedy: string;
  /** Shared by every copy of this package in a process: see {@link RemdmError.isInstance}. */
  readonly [MARKER] = true;

  constructor(message: string, details: RemdmErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.remedy = limitRemedy(details.cause) ?? details.remedy;
  }

  /** Like `instanceof`, and true across several installed copies of the package. */
  static isInstance(value: unknown): value is RemdmError {
    return typeof value === "object" && value !== null && MARKER in value;
  }
}

/**
 * A process that has as many files open as it may is no fault of the file that came next.
 * @returns what to do where that is the cause of an error, or the cause of its cause; else undefined.
 */
export function limitRemedy(error: unknown): string | undefined {
  for (let at = error, depth = 0; depth < 8 && typeof at === "object" && at !== null; depth++) {
    if ("code" in at && (at.code === "EMFILE" || at.code === "ENFILE")) return LIMIT_REMEDY;
    at = "cause" in at ? at.cause : undefined;
  }
  return undefined;
}

const LIMIT_REMEDY =
  "Too many files are open at once: raise the limit (in a shell, `ulimit -n 4096`), or close some, and try again.";

/** An option is missing, of the wrong type or out of range. Thrown before anything starts. */
export class OptionError extends RemdmError {
  override readonly name = "OptionError";
  /** The option as the caller wrote it, dotted when nested: `strategy.eta`. */
  readonly option: string;
  readonly value: unknown;

  /**
   * @param allowed what is allowed, as a phrase that follows "must be": "a number in [0, 1]"; or sentences in the
   * place of those that are made of it.
   */
  constructor(
    option: string,
    value: unknown,
    allowed: string | { readonly message: string; readonly remedy: string },
  ) {
    const { message, remedy } =
      typeof allowed === "string" ? sentences(option, value, allowed) : allowed;
    super(message, { code: "option_invalid", remedy });
    this.option = option;
    this.value = value;
  }
}

/** The caller's AbortSignal fired, or the event stream was left early. */
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

function sentences(option: string, value: unknown, allowed: string) {
  const isAbsent = allowed.startsWith("undefined");
  return {
    message: `${option} must be ${allowed}; got ${describe(value)}`,
    remedy: isAbsent ? `Leave ${option} out.` : `Set ${option} to ${allowed}.`,
  };
}

/** Characters of somebody else's text that a message quotes. */
const MOST_QUOTED = 80;

/** A text as messages quote it: as JSON, and of a long one the beginning and the length. */
export function quoted(text: string): string {
  if (text.length <= MOST_QUOTED) return JSON.stringify(text);
  const beginning = Array.from(text.slice(0, 2 * MOST_QUOTED))
    .slice(0, MOST_QUOTED)
    .join("");
  return `${JSON.stringify(`${beginning}...`)} (${text.length} characters)`;
}

function describe(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? `an array of ${value.length}` : "an object";
  }
  return String(value);
}
