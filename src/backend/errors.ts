/** Errors between the SDK and its backend. */
import { RemdmError, type RemdmErrorCode } from "../foundation/errors.ts";

/**
 * Says that the backend could not be found, started or reached, or that it refused or failed a
 * request.
 */
export class BackendError extends RemdmError {
  override readonly name: string = "BackendError";

  constructor(code: RemdmErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { code, remedy, cause });
  }
}

/**
 * Says that the checkpoint is missing, unreadable, or of a kind that this version cannot sample
 * from.
 */
export class CheckpointError extends BackendError {
  override readonly name = "CheckpointError";
}

/** Says that a message broke the protocol. */
export class ProtocolError extends BackendError {
  override readonly name = "ProtocolError";
  /** The id of the request that the message answers, where it could be read. */
  readonly requestId: number | undefined;

  constructor(message: string, requestId?: number, cause?: unknown) {
    super("protocol_mismatch", message, "Use the SDK and the backend of the same release.", cause);
    this.requestId = requestId;
  }
}

type CheckpointErrorCode = Extract<RemdmErrorCode, `checkpoint_${string}`>;

/**
 * The codes that the backend may report, over the wire or as its last words. `internal` and codes
 * that are unknown here get a code of ours.
 */
const REPORTED = new Set<string>([
  "device_unavailable",
  "out_of_memory",
  "package_missing",
  "template_missing",
  "template_invalid",
  "template_failed",
  "protocol_mismatch",
  "endpoint_invalid",
  "endpoint_busy",
  "backend_start_failed",
  "output_failed",
] satisfies RemdmErrorCode[]);

const CHECKPOINT_CODES = new Set<string>([
  "checkpoint_missing",
  "checkpoint_invalid",
  "checkpoint_unsupported",
] satisfies CheckpointErrorCode[]);

/**
 * Makes the typed error for an error that the backend reported.
 * @param fallback the code for a report whose code the SDK does not know; `internal` and
 * `request_invalid` are such codes.
 */
export function reportedError(
  report: { readonly code: string; readonly message: string; readonly remedy: string },
  fallback: RemdmErrorCode,
): BackendError {
  const { code, message, remedy } = report;
  if (isCheckpointCode(code)) return new CheckpointError(code, message, remedy);
  return new BackendError(isReportedCode(code) ? code : fallback, message, remedy);
}

function isCheckpointCode(code: string): code is CheckpointErrorCode {
  return CHECKPOINT_CODES.has(code);
}

function isReportedCode(code: string): code is RemdmErrorCode {
  return REPORTED.has(code);
}
