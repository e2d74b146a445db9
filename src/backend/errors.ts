/** What can go wrong between the SDK and its backend. */
import { RemdmError, type RemdmErrorCode } from "../foundation/errors.ts";

/** The backend could not be found, started or reached, or it refused or failed a request. */
export class BackendError extends RemdmError {
  override readonly name: string = "BackendError";

  constructor(code: RemdmErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { code, remedy, cause });
  }
}

/** The checkpoint is missing, unreadable, or of a kind that this version cannot sample from. */
export class CheckpointError extends BackendError {
  override readonly name = "CheckpointError";
}

/** A message that the protocol does not allow. */
export class ProtocolError extends BackendError {
  override readonly name = "ProtocolError";
  /** The request that the message answers, where that much could be read. */
  readonly requestId: number | undefined;

  constructor(message: string, requestId?: number, cause?: unknown) {
    super("protocol_mismatch", message, "Use the SDK and the backend of the same release.", cause);
    this.requestId = requestId;
  }
}

type CheckpointErrorCode = Extract<RemdmErrorCode, `checkpoint_${string}`>;

/** What the backend may report, over the wire or as its last words; `internal` and the rest are ours to name. */
const REPORTED = new Set<string>([
  "device_unavailable",
  "out_of_memory",
  "package_missing",
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
 * The typed form of an error that the backend reported.
 * @param fallback the code for one that the SDK does not know, among them `internal` and `request_invalid`.
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
