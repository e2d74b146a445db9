/** Errors that say why a connection, or a call over it, failed. */
import { BackendError } from "../errors.ts";

const RETRY = "Launch or connect again; runs can be repeated with the same seed.";

export function unusableError(endpoint: string, cause: unknown): BackendError {
  return new BackendError(
    "endpoint_invalid",
    `${endpoint} cannot be connected to: ${String(cause)}`,
    "Use the endpoint that `npx remdm serve` prints; a socket's path has at most 107 bytes.",
    cause,
  );
}

export function hungUpError(endpoint: string): BackendError {
  return new BackendError("backend_exited", `The backend at ${endpoint} hung up`, RETRY);
}

export function brokenError(
  action: "reach" | "send to" | "read from",
  cause: unknown,
): BackendError {
  return new BackendError("backend_exited", `Cannot ${action} the backend`, RETRY, cause);
}

/** Ends every pending and later call of a connection that was closed on purpose. */
export function closedError(): BackendError {
  return new BackendError(
    "backend_closed",
    "The backend was closed",
    "Launch or connect again, and close only when the runs are done.",
  );
}

export function silentError(silentMs: number): BackendError {
  return new BackendError(
    "backend_timeout",
    `The backend gave no sign of life for ${Math.round(silentMs / 1000)} s`,
    "Close it, look at its log, and launch again.",
  );
}

export function timeoutError(timeoutMs: number): BackendError {
  return new BackendError(
    "backend_timeout",
    `The backend did not answer within ${timeoutMs / 1000} s`,
    "Allow more time, or look at its log for what keeps it busy.",
  );
}
